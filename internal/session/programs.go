package session

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/internal/rootstores"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// Tables says where what is known of root programs comes from.
type Tables struct {
	File string // "": what is built in, and what assay update programs stored
}

// Add adds the flag.
func (f *Tables) Add(c *cobra.Command) {
	flags.Under(c, "Trust").Text(&f.File, "program-tables", "know of root programs what the tables in `FILE` say, and nothing else (default: what is built in, or newer tables that assay update programs stored)")
}

// into gives t the tables of root programs, and the roots that are at hand, when the
// policy asks for them. dir is the cache's.
func (f *Tables) into(t *engine.Trust, run *command.Run, dir string, p policy.Policy) (err error) {
	if p.Trust == policy.ProgramSystem && p.Programs == 0 {
		if f != nil && f.File != "" {
			return usagef("--program-tables has no effect without --programs or --trust")
		}
		return nil
	}
	tables, err := f.read(run, dir)
	t.Known, t.Programs = roots.Known, func() *programs.Tables { return tables }
	return err
}

// Named returns the tables for the library, which has none but those that are built in;
// nil when the policy asks for no program.
func (f *Tables) Named(run *command.Run, dir string, p policy.Policy) ([]byte, error) {
	t := &engine.Trust{}
	if err := f.into(t, run, dir, p); err != nil || t.Programs == nil {
		return nil, err
	}
	return t.Programs().Encode(), nil
}

// read returns the tables in the file that is named, or else those that are built in
// with newer ones in their place that were stored.
func (f *Tables) read(run *command.Run, dir string) (*programs.Tables, error) {
	if f != nil && f.File != "" {
		b, err := ReadFile(f.File, nil, programs.MaxSize)
		if err != nil {
			return nil, usagef("--program-tables: %v", err)
		}
		tables, err := programs.Parse(b)
		if err != nil {
			return nil, usagef("--program-tables: %s: %v", f.File, err).Hint("assay update programs stores such tables in the cache directory, from what the programs publish")
		}
		return tables, nil
	}
	tables := programs.Embedded()
	if dir == "" {
		return tables, nil
	}
	stored, err := rootstores.Stored(dir)
	if err != nil {
		run.Warn(fmt.Errorf("the stored tables of root programs are not used: %w; assay update programs stores others", command.PlainPathError(err)))
		return tables, nil
	}
	return tables.Merge(stored), nil
}
