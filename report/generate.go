package report

// schema.json lists the IDs of all findings; the table in package finding is
// where they come from.
//go:generate go test -run TestSchemaIDs -update .
