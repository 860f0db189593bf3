package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/report"
)

func (a *app) labCommand() *cobra.Command {
	var dir string
	var hosts bool
	servedFormat := formatText
	c := &cobra.Command{
		Use: "lab [SCENARIO]...", Short: "Run the misbehaving servers on loopback, until interrupted", GroupID: "look",
		Long: `Run a small world of servers that misbehave on purpose, each in its own way, with
its own PKI, OCSP responders, CRLs and logs, all on loopback. For each scenario
the lab prints its story and ready commands. SCENARIO may be a pattern (sct-*).
The names of the servers are in no DNS. Your own program in Go reaches one of them
when it dials the address in the line "go run ." and sets the name in that line as
tls.Config.ServerName. The programs that begin the guides (docs/guides) do so, and
take the line as it is.`,
		Example: `  assay lab
  assay lab --dir lab good revoked
  assay lab 'revoked-*'
  assay lab --format json good revoked
  assay lab --hosts | sudo tee -a /etc/hosts
  assay lab list
  assay lab check`,
		RunE: func(c *cobra.Command, args []string) error {
			if hosts {
				return a.labHosts(c.Context(), args)
			}
			return a.serveLab(c.Context(), dir, args, servedFormat)
		},
	}
	out := flags.Under(c, "Output")
	out.Word(&servedFormat, "format", "form of the answer; JSON is one list of the servers that run", formatText, formatJSON)
	out.Switch(&hosts, "hosts", "", "print the lines of a hosts file with the lab's names, and end")
	out.Text(&dir, "dir", "write root.pem and log-list.json to `DIR`, which is made if need be, instead of a temporary directory; nothing is overwritten")
	c.ValidArgsFunction = completeScenarios

	format := formatText
	check := &cobra.Command{
		Use: "check [SCENARIO]...", Short: "Check every scenario and compare the result with the expected one",
		RunE: func(c *cobra.Command, args []string) error { return a.checkLab(c.Context(), args, format) },
	}
	flags.Under(check, "Output").Word(&format, "format", "form of the answer", formatText, formatJSON)
	check.ValidArgsFunction = completeScenarios

	listFormat := formatText
	list := &cobra.Command{
		Use: "list [SCENARIO]...", Short: "List the scenarios with their stories and verdicts",
		RunE: func(_ *cobra.Command, args []string) error { return a.listLab(args, listFormat) },
	}
	flags.Under(list, "Output").Word(&listFormat, "format", "form of the answer", formatText, formatJSON)
	list.ValidArgsFunction = completeScenarios
	c.AddCommand(check, list, a.labClientsCommand(), a.labGetCommand())
	return c
}

// completeScenarios offers the names of scenarios.
func completeScenarios(_ *cobra.Command, _ []string, begun string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, s := range scenarios.All() {
		if strings.HasPrefix(s.Name, begun) {
			names = append(names, cobra.CompletionWithDesc(s.Name, s.Story))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// labStory is a scenario, for programs.
type labStory struct {
	Name     string         `json:"name"`
	Group    string         `json:"group"`
	Want     report.Verdict `json:"want"`
	Findings []finding.ID   `json:"findings"`
	Story    string         `json:"story"`
}

// listLab prints the catalogue; no server is started.
func (a *app) listLab(only []string, format string) error {
	all, err := scenarios.Matching(only)
	if err != nil {
		return usagef("%v", err)
	}
	stories := make([]labStory, 0, len(all))
	for _, s := range all {
		stories = append(stories, labStory{s.Name, s.Group, s.Want, append([]finding.ID{}, s.Findings...), s.Story})
	}
	if format == formatJSON {
		return render.Value(a.Stdout, stories, true)
	}
	var b bytes.Buffer
	group := ""
	for _, s := range stories {
		if s.Group != group {
			if group != "" {
				b.WriteByte('\n')
			}
			group = s.Group
			fmt.Fprintf(&b, "%s:\n", group)
		}
		fmt.Fprintf(&b, "  %s (%s)\n", s.Name, s.Want)
		for _, line := range render.Wrap(s.Story, 74) {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	}
	_, err = a.Stdout.Write(b.Bytes())
	return err
}

// labServer is a server of the running lab, for programs.
type labServer struct {
	labStory
	Host     string `json:"host"`
	Port     string `json:"port"`
	Address  string `json:"address"` // where it listens
	Root     string `json:"root"`    // file with the roots to trust, PEM
	StartTLS string `json:"starttls,omitempty"`
	Proxy    string `json:"proxy,omitempty"`
	Local    bool   `json:"local"` // only assay lab check reaches it
}

// servedLab lists what runs.
func servedLab(l *lab.Lab) []labServer {
	list := make([]labServer, 0, len(l.Scenarios))
	for _, s := range l.Scenarios {
		list = append(list, labServer{labStory: labStory{s.Name, s.Group, s.Want, append([]finding.ID{}, s.Findings...), s.Story},
			Host: s.Host, Port: s.Port, Address: s.Addr, Root: l.RootFile, StartTLS: s.Client.StartTLS, Proxy: s.Client.Proxy, Local: s.Local})
	}
	return list
}

// labHosts prints the names for people who edit a hosts file of their own.
func (a *app) labHosts(ctx context.Context, only []string) error {
	l, err := lab.Start(ctx, lab.Options{Only: only})
	if err != nil {
		return usagef("%v", err)
	}
	defer l.Close()
	var b bytes.Buffer
	for _, s := range l.Scenarios {
		if net.ParseIP(s.Host) == nil {
			fmt.Fprintf(&b, "127.0.0.1 %s\n", s.Host)
		}
	}
	_, err = a.Stdout.Write(b.Bytes())
	return err
}

// serveLab runs the lab until the user interrupts, which is its proper end.
func (a *app) serveLab(ctx context.Context, dir string, only []string, format string) error {
	l, err := lab.Start(ctx, lab.Options{Dir: dir, Only: only})
	if err != nil {
		return usagef("%v", err)
	}
	defer l.Close()
	if format == formatJSON {
		if err := render.Value(a.Stdout, servedLab(l), true); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "roots      %s\nlog list   %s\n", l.RootFile, l.LogListFile)
	for _, s := range l.Scenarios {
		fmt.Fprintf(&b, "\n%s (%s, %s)\n", s.Name, s.Target(), s.Want)
		if err := render.Note(&b, s.Story, 80); err != nil {
			return err
		}
		if s.Local {
			fmt.Fprintln(&b, "  (only assay lab check reaches this one)")
			continue
		}
		for _, cmd := range [][]string{
			withCache(l.Assay(s), filepath.Join(l.Dir, "cache")),
			append([]string{"curl"}, l.Curl(s)...),
			append([]string{"openssl"}, l.OpenSSL(s)...),
		} {
			fmt.Fprintf(&b, "  %s\n", shellLine(cmd))
		}
		if args := l.Guide(s); args != nil {
			fmt.Fprintf(&b, "  %s\n", shellLine(append([]string{"go", "run", "."}, args...)))
		}
	}
	fmt.Fprintf(&b, "\n%s running; interrupt to stop\n", command.Counted(len(l.Scenarios), "server is", "servers are"))
	if _, err := io.Copy(a.Stdout, &b); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// withCache is a command line of assay check with a cache of its own: what the lab
// serves is of no use in the user's.
func withCache(args []string, dir string) []string {
	return slices.Concat([]string{"assay", args[0], "--cache-dir", dir}, args[1:])
}

// shellLine joins a command so that a shell takes it apart again the same way.
func shellLine(args []string) string {
	var out []string
	for _, s := range args {
		if s == "" || strings.ContainsAny(s, " \t\n'\"\\$`*?[]{}()<>|&;!~#") {
			s = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// labResult is what became of a scenario, for programs.
type labResult struct {
	Name     string         `json:"name"`
	Want     report.Verdict `json:"want"`
	Got      report.Verdict `json:"got"`
	OK       bool           `json:"ok"`
	Why      string         `json:"why,omitempty"`
	Findings []finding.ID   `json:"findings,omitempty"`
	MS       int64          `json:"ms"`
}

// checkLab judges the scenarios; the exit status is 1 when one comes out wrong.
func (a *app) checkLab(ctx context.Context, only []string, format string) error {
	start := time.Now()
	l, err := lab.Start(ctx, lab.Options{Only: only})
	if err != nil {
		return usagef("%v", err)
	}
	defer l.Close()
	prog, n := a.NewProgress(false), 0
	defer prog.Done()
	outcomes := l.Check(ctx, func(o lab.Outcome) {
		n++
		prog.Show("%d of %d: %s", n, len(l.Scenarios), o.Scenario.Name)
	})
	prog.Clear()
	if ctx.Err() != nil {
		return nil
	}
	results := make([]labResult, 0, len(outcomes))
	wrong := 0
	for _, o := range outcomes {
		if !o.OK {
			wrong++
			a.Status = command.Reject
		}
		results = append(results, labResult{o.Scenario.Name, o.Scenario.Want, o.Got, o.OK, o.Why, o.Findings, o.Took.Milliseconds()})
	}
	if format == "json" {
		return render.Value(a.Stdout, results, true)
	}
	return a.labTable(results, wrong, time.Since(start))
}

// labTable prints scenario, expected, got, findings.
func (a *app) labTable(results []labResult, wrong int, took time.Duration) error {
	wide := len("scenario")
	for _, r := range results {
		wide = max(wide, len(r.Name))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-5s %-*s  %-12s  %-12s  %s\n", "", wide, "scenario", "expected", "got", "findings")
	for _, r := range results {
		mark := "ok"
		if !r.OK {
			mark = "WRONG"
		}
		var ids []string
		for _, id := range r.Findings {
			ids = append(ids, string(id))
		}
		fmt.Fprintf(&b, "%-5s %-*s  %-12s  %-12s  %s\n", mark, wide, r.Name, r.Want, r.Got, strings.Join(ids, " "))
		if r.Why != "" {
			fmt.Fprintf(&b, "      %-*s  %s\n", wide, "", command.QuoteLines(r.Why))
		}
	}
	fmt.Fprintf(&b, "\n%s, %d as expected, %d wrong, %.1f s\n", command.Counted(len(results), "scenario", "scenarios"), len(results)-wrong, wrong, took.Seconds())
	_, err := a.Stdout.Write(b.Bytes())
	return err
}
