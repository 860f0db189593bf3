package command

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/house"
)

var update = flag.Bool("update", false, "add what is new to the records of docs/stability")

// What the command line promises stays (docs/stability.md).
func TestPromises(t *testing.T) {
	keep := func(name string, now []string) {
		t.Helper()
		house.Keep(t, "../../docs/stability/"+name, now, *update)
	}
	var out bytes.Buffer
	a := &app{Run: command.NewRun("assay", strings.NewReader(""), &out, &out)}
	keep("fleet-flags.txt", commandLines(a.root(nil)))
	descriptions := make(chan *prometheus.Desc)
	go func() {
		(&follower{}).Describe(descriptions)
		close(descriptions)
	}()
	keep("scan-metrics.txt", house.MetricLines(descriptions))
}

// commandLines are the commands below c and their flags.
func commandLines(c *cobra.Command) (lines []string) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		line := c.CommandPath() + " --" + f.Name
		lines = append(lines, line)
		if f.Shorthand != "" {
			lines = append(lines, line+" is -"+f.Shorthand)
		}
	})
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			lines = append(append(lines, sub.CommandPath()), commandLines(sub)...)
		}
	}
	return lines
}
