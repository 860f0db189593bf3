package rootstores

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/assaytls/assay/programs"
)

// Build makes tables of files alone, in order: of nothing that is built in or stored.
// A name may end in "@" and a date, which counts for a publication without one.
func Build(files []string) (*programs.Tables, error) {
	var tables *programs.Tables
	for _, name := range files {
		var asOf time.Time
		if file, date, dated := strings.Cut(name, "@"); dated {
			var err error
			if asOf, err = time.Parse(time.DateOnly, date); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			name = file
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		p, err := Read(b)
		if err == nil {
			tables, err = Apply(tables, p, asOf, false)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if tables == nil {
		return nil, fmt.Errorf("no file is named")
	}
	return tables, nil
}
