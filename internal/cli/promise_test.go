package cli

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/house"
	"github.com/assaytls/assay/internal/render"
)

// What the command line promises stays (docs/stability.md).
func TestPromises(t *testing.T) {
	keep := func(name string, now []string) {
		t.Helper()
		house.Keep(t, "../../docs/stability/"+name, now, *update)
	}
	var statuses []string
	for what, n := range map[string]int{"accept": command.Accept, "reject": command.Reject, "usage": command.UsageError, "inconclusive": command.Inconclusive,
		"interrupted": command.Interrupted, "nagios: accept": render.NagiosOK, "nagios: expires soon": render.NagiosWarning, "nagios: reject": render.NagiosCritical,
		"nagios: everything else": render.NagiosUnknown} {
		statuses = append(statuses, fmt.Sprintf("%s %d", what, n))
	}
	keep("exit-statuses.txt", statuses)

	var out bytes.Buffer
	a := &app{Run: command.NewRun("assay", strings.NewReader(""), &out, &out)}
	keep("flags.txt", commandLines(a.root(nil)))

	var lines []string
	for name, v := range map[string]any{"lab list": labStory{}, "lab": labServer{}, "lab check": labResult{}} {
		lines = append(lines, jsonLines(name, reflect.TypeOf(v))...)
	}
	keep("lab.txt", lines)
}

// commandLines are the commands below c and their flags.
func commandLines(c *cobra.Command) (lines []string) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		line := c.CommandPath() + " --" + f.Name
		lines = append(lines, line)
		if f.Shorthand != "" {
			lines = append(lines, line+" is -"+f.Shorthand)
		}
		if f.NoOptDefVal != "" && f.Value.Type() != "bool" {
			lines = append(lines, line+" needs no value")
		}
	})
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			lines = append(append(lines, sub.CommandPath()), commandLines(sub)...)
		}
	}
	return lines
}

// jsonLines are the members that encoding/json makes of a struct.
func jsonLines(of string, typ reflect.Type) (lines []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous {
			lines = append(lines, jsonLines(of, f.Type)...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		line := of + ": " + name
		lines = append(lines, line+" is "+f.Type.Kind().String())
		if options == "" {
			lines = append(lines, line+" is always there")
		}
	}
	return lines
}
