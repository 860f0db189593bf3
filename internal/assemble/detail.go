package assemble

// Detail says how much of a report is made: as much as somebody reads. It moves no
// verdict, no headline and no finding of weight: the same paths, lists and promises
// of logs are judged whatever it is. The zero Detail is everything.
type Detail uint8

// The details, the most first.
const (
	// Full is everything: JSON, and what people get who ask for everything.
	Full Detail = iota
	// Short leaves out what neither `assay check` without -v nor a short line has:
	// certificates in PEM, the octets of extensions, and crypto/x509's opinion, an
	// info finding at most. The report says that it was not asked.
	Short
	// Rows is what [report.Report.Row] tells: of certificates only which they are and
	// for how long they hold, of Certificate Transparency whether the policy is met,
	// and nothing of how the connection came to be but its protocol.
	Rows
	// Brief is the report of an accepted handshake: findings, paths and statuses, of
	// certificates only for how long they hold, and no connection.
	Brief
)
