package sink

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

var update = flag.Bool("update", false, "rewrite the golden file of the columns")

// The columns are what the golden file says: programs of others read them. A
// column may be added; none may be changed or removed without another version.
func TestColumns(t *testing.T) {
	const file = "testdata/columns.txt"
	got := "results: " + parquet.SchemaOf(new(record)).String() + "\n\ncertificates: " + parquet.SchemaOf(new(certRecord)).String() + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%v: the columns are\n%s\nwant\n%s", err, got, want)
	}
	page, err := os.ReadFile("../../docs/scan.md")
	if err != nil {
		t.Fatal(err)
	}
	_, results, _ := strings.Cut(string(page), "## Results")
	results, certificates, _ := strings.Cut(results, "## Certificates")
	for text, schema := range map[string]*parquet.Schema{results: parquet.SchemaOf(new(record)), certificates: parquet.SchemaOf(new(certRecord))} {
		for _, f := range schema.Fields() {
			if !strings.Contains(text, "`"+f.Name()+"`") {
				t.Errorf("docs/scan.md does not describe the column %s", f.Name())
			}
		}
	}
}
