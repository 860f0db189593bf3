package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/lab/clients"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
)

// clientsFlags say which clients sit the exam, and how.
type clientsFlags struct {
	format    string
	isolation string
	files     []string // of definitions
	only      []string // command lines
	list      bool
	verbose   bool
	failOn    []string
	baseline  string
	from      []string // earlier answers, shown instead of an exam
	limit     time.Duration
	exam      string
	questions []string // patterns
}

func (a *app) labClientsCommand() *cobra.Command {
	f := &clientsFlags{format: formatText, isolation: string(clients.Auto), limit: clients.DefaultLimit, exam: clients.LabExam}
	c := &cobra.Command{
		Use: "clients [NAME]...", Short: "Examine the TLS clients of this machine: which of them is fooled",
		Long: `Lead every TLS client that is installed here, or the named ones, to the lab's servers, and show whom
it trusts. A client accepts a server when the server receives its request; what the client prints and its
exit status do not count. First it must accept a good server, or there is no score; one that accepts
anybody is not asked further.

On Linux the exam runs in a user, mount and network namespace of its own: only loopback, the lab's names in the
hosts file and its roots as the system's, nothing of yours is read or written. Elsewhere clients go through
a proxy on loopback where they heed one, or to the address.

--only examines your own client: a command line with {url}, or {host} and {port}, and {root} for the file
with the roots to trust. It is not given to a shell.

Exit status: 0 examined, 1 fooled in a kind of --fail-on-fooled, 3 a client could not be examined.`,
		Example: `  assay lab clients
  assay lab clients curl wget 'python*'
  assay lab clients --list
  assay lab clients --only './myclient --ca {root} {url}' --fail-on-fooled path,name,wire
  assay lab clients --exam x509errors curl wget
  assay lab clients --questions 'name-*' curl
  assay lab clients --format html > clients.html
  assay lab clients --format json > today.json
  assay lab clients --from today.json --format html > clients.html
  assay lab clients --fail-on-fooled path,name --baseline today.json`,
		RunE: func(c *cobra.Command, args []string) error { return a.labClients(c.Context(), f, args) },
		ValidArgsFunction: func(_ *cobra.Command, _ []string, begun string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			for _, d := range clients.BuiltIn() {
				if strings.HasPrefix(d.Name, begun) {
					names = append(names, d.Name)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	g := flags.Under(c, "Output")
	g.Word(&f.format, "format", "form of the answer; JSON prints one line per client", formatText, formatMarkdown, formatHTML, formatJSON)
	g.Switch(&f.list, "list", "", "list the clients that are known, whether they are here, and how they are run; ask nobody")
	g.Switch(&f.verbose, "verbose", "v", "with each wrong answer what the server does and what the rule is")
	kinds := make([]string, len(clients.Kinds))
	for i, k := range clients.Kinds {
		kinds[i] = string(k)
	}
	g.List(&f.failOn, "fail-on-fooled", "exit with 1 when a client gives a wrong answer of these kinds: "+strings.Join(kinds, ", "),
		flags.Kind{Type: "KIND[,KIND]", Commas: true, Words: kinds, Check: func(s string) error {
			if !slices.Contains(kinds, s) {
				return fmt.Errorf("%q is none of %s", s, strings.Join(kinds, ", "))
			}
			return nil
		}})
	g.Text(&f.baseline, "baseline", "count only what is not wrong in `FILE` already, an earlier answer in JSON")
	g.List(&f.from, "from", "show what FILE has, an earlier answer in JSON, and examine nobody; repeatable", flags.Kind{Type: "FILE"})
	g = flags.Under(c, "Connection")
	g.Word(&f.isolation, "isolation", "how the exam is kept apart from this machine", clients.Isolations...)
	g.List(&f.files, "clients", "examine the clients defined in FILE, JSON (docs/clients.md), beside those that are known; repeatable", flags.Kind{Type: "FILE"})
	g.List(&f.only, "only", "examine this command line alone; repeatable", flags.Kind{Type: "COMMAND"})
	g.Duration(&f.limit, "timeout", "the most that one answer may take")
	g = flags.Under(c, "Input")
	g.Word(&f.exam, "exam", "what is asked: the lab's own questions, or the defects of the collection x509errors.org", clients.Exams...)
	g.List(&f.questions, "questions", "ask these alone, and those that say whether a client can be examined at all; NAME may be a pattern (crl-*); repeatable",
		flags.Kind{Type: "NAME[,NAME]", Commas: true})
	return c
}

func (a *app) labClients(ctx context.Context, f *clientsFlags, names []string) error {
	chosen, err := f.chosen(names)
	if err != nil {
		return err
	}
	if f.list {
		return a.listClients(ctx, chosen, f.format)
	}
	var baseline []clients.Row
	if f.baseline != "" {
		if baseline, err = readRows("--baseline", f.baseline); err != nil {
			return err
		}
	}
	if len(f.from) > 0 {
		return a.showEarlier(f, names, baseline)
	}
	if f.limit <= 0 {
		return usagef("--timeout must be more than 0")
	}
	questions, err := clients.Choose(f.exam, f.questions)
	if err != nil {
		return usagef("--questions: %v", err)
	}
	if !clients.Inside() && f.isolation != string(clients.None) {
		switch err := clients.CanEnter(); {
		case err == nil:
			status, err := clients.Enter()
			if err == nil {
				a.Status = status
				return nil
			}
			return usagef("the namespace: %v", err)
		case f.isolation == string(clients.Namespace):
			return usagef("--isolation namespace: %v", err)
		default:
			a.Warn(fmt.Errorf("%w: clients that heed no proxy go to the address, and are not asked about names", err))
		}
	}
	var here []clients.Definition
	var absent []string
	for _, d := range chosen {
		if missing, ok := clients.Found(ctx, d); ok {
			here = append(here, d)
		} else {
			absent = append(absent, d.Name+": "+missing+" is not on this machine")
		}
	}
	if len(here) == 0 && len(absent) > 0 && len(names)+len(f.only) > 0 {
		return usagef("%s", absent[0])
	}
	if len(here) == 0 {
		return usagef("none of the clients that are known is on this machine").Hint("assay lab clients --list shows them; --only examines your own")
	}
	return a.examine(ctx, f, clients.Options{Clients: here, Exam: f.exam, Questions: questions, Limit: f.limit, Assay: command.Build()}, baseline)
}

// chosen are the clients that the flags and arguments name.
func (f *clientsFlags) chosen(names []string) (out []clients.Definition, err error) {
	for _, line := range f.only {
		d, err := clients.FromCommand(line)
		if err != nil {
			return nil, usagef("--only %s: %v", line, err).Hint("like: --only 'mycmd --ca {root} {url}'")
		}
		out = append(out, d)
	}
	all := clients.BuiltIn()
	if len(f.only) > 0 {
		all = nil
	}
	for _, name := range f.files {
		b, err := session.ReadFile(name, nil, 1<<20)
		if err != nil {
			return nil, usagef("--clients: %v", err)
		}
		more, err := clients.Parse(strings.NewReader(string(b)))
		if err != nil {
			return nil, usagef("--clients %s: %v", name, err)
		}
		for _, d := range more {
			all = slices.DeleteFunc(all, func(have clients.Definition) bool { return have.Name == d.Name })
		}
		all = append(all, more...)
	}
	if len(names) == 0 {
		return append(out, all...), nil
	}
	for _, n := range names {
		found := false
		for _, d := range all {
			if ok, err := matches(n, d.Name); err != nil {
				return nil, usagef("%q is no pattern", n)
			} else if ok {
				found = true
				if !slices.ContainsFunc(out, func(have clients.Definition) bool { return have.Name == d.Name }) {
					out = append(out, d)
				}
			}
		}
		if !found {
			var known []string
			for _, d := range all {
				known = append(known, d.Name)
			}
			u := usagef("no client is called %q", n)
			if near := command.Nearest(n, known); near != "" {
				u.Hint("did you mean %s?", near)
			}
			return nil, u.Hint("assay lab clients --list shows those that are known; --only 'COMMAND {url}' examines another")
		}
	}
	return out, nil
}

// matches reports whether a name is meant: itself, its first word, or a pattern.
func matches(pattern, name string) (bool, error) {
	first, _, _ := strings.Cut(name, " ")
	if strings.EqualFold(pattern, name) || strings.EqualFold(pattern, first) {
		return true, nil
	}
	return path.Match(strings.ToLower(pattern), strings.ToLower(name))
}

// examine asks, and prints the rows: JSON as they come, tables at the end.
func (a *app) examine(ctx context.Context, f *clientsFlags, o clients.Options, baseline []clients.Row) error {
	prog := a.NewProgress(false)
	defer prog.Done()
	var rows []clients.Row
	var failed error
	o.Progress = func(client string, asked, of int) { prog.Show("%s: %d of %d questions", client, asked, of) }
	err := clients.Examine(ctx, o, func(r clients.Row) {
		rows = append(rows, r)
		if f.format == formatJSON && failed == nil {
			failed = render.Value(a.Stdout, r, false)
		}
	})
	prog.Clear()
	switch {
	case failed != nil:
		return failed
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return usagef("%v", err)
	}
	return a.conclude(f, rows, baseline)
}

// showEarlier prints the rows of earlier answers, those of the named clients where there are names.
func (a *app) showEarlier(f *clientsFlags, names []string, baseline []clients.Row) error {
	if len(f.only)+len(f.files) > 0 {
		return usagef("--from examines nobody: --only and --clients have no use with it")
	}
	var rows []clients.Row
	for _, file := range f.from {
		more, err := readRows("--from", file)
		if err != nil {
			return err
		}
		for _, r := range more {
			if slices.ContainsFunc(rows, func(have clients.Row) bool { return have.Name == r.Name && have.Exam == r.Exam }) {
				return usagef("--from %s: %q stands twice", file, r.Name)
			}
			wanted := len(names) == 0
			for _, n := range names {
				ok, err := matches(n, r.Name)
				if err != nil {
					return usagef("%q is no pattern", n)
				}
				wanted = wanted || ok
			}
			if wanted {
				rows = append(rows, r)
			}
		}
	}
	if len(rows) == 0 {
		return usagef("--from %s has no such client", strings.Join(f.from, ", "))
	}
	if f.format == formatJSON {
		for _, r := range rows {
			if err := render.Value(a.Stdout, r, false); err != nil {
				return err
			}
		}
	}
	return a.conclude(f, rows, baseline)
}

// conclude sets the exit status and prints the tables.
func (a *app) conclude(f *clientsFlags, rows, baseline []clients.Row) error {
	var kinds []clients.Kind
	for _, k := range f.failOn {
		kinds = append(kinds, clients.Kind(k))
	}
	for i := range rows {
		switch r := &rows[i]; {
		case r.State == clients.NotExamined:
			a.Status = command.Worse(a.Status, command.Inconclusive)
		case len(r.FooledIn(kinds, baseline)) > 0:
			a.Status = command.Worse(a.Status, command.Reject)
		}
	}
	switch f.format {
	case formatMarkdown:
		return clients.Markdown(a.Stdout, rows)
	case formatHTML:
		return clients.HTML(a.Stdout, rows)
	case formatText:
		return clients.Text(a.Stdout, rows, f.verbose)
	}
	return nil
}

// listClients prints the definitions and whether they can be used here.
func (a *app) listClients(ctx context.Context, all []clients.Definition, format string) error {
	type known struct {
		clients.Definition
		Found   bool   `json:"found"`
		Missing string `json:"missing,omitempty"`
	}
	list := make([]known, 0, len(all))
	for _, d := range all {
		missing, ok := clients.Found(ctx, d)
		list = append(list, known{d, ok, missing})
	}
	if format == formatJSON {
		return render.Value(a.Stdout, list, true)
	}
	var b strings.Builder
	for _, d := range list {
		state := "found"
		if !d.Found {
			state = "not here (" + command.QuoteLines(d.Missing) + ")"
		}
		fmt.Fprintf(&b, "%s: %s\n", d.Name, state)
		for _, argv := range [][]string{d.Run, variant(d.Definition)} {
			if len(argv) > 0 {
				fmt.Fprintf(&b, "    %s\n", shellLine(argv))
			}
		}
	}
	_, err := io.WriteString(a.Stdout, b.String())
	return err
}

func variant(d clients.Definition) []string {
	if d.Revocation == nil {
		return nil
	}
	return d.Revocation.Run
}

// readRows reads an earlier answer in JSON: one object a line. Its texts are made safe to print again, for
// a file is anybody's.
func readRows(flag, name string) (rows []clients.Row, err error) {
	b, err := session.ReadFile(name, nil, 64<<20)
	if err != nil {
		return nil, usagef("%s: %v", flag, err)
	}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	for {
		var r clients.Row
		switch err := dec.Decode(&r); {
		case errors.Is(err, io.EOF):
			return rows, nil
		case err != nil:
			return nil, usagef("%s %s is not what assay lab clients --format json prints: %v", flag, name, err)
		case r.Schema != clients.RowVersion || r.Name == "":
			return nil, usagef("%s %s is not of this version's form", flag, name)
		}
		r.Clean()
		rows = append(rows, r)
	}
}

// labGetCommand is the exam's own client: Go's, or assay's.
func (a *app) labGetCommand() *cobra.Command {
	judged := false
	c := &cobra.Command{Use: "get URL", Short: "Get a page as Go's client does", Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("one URL is needed")
			}
			client := &http.Client{Timeout: 10 * time.Second}
			if judged {
				v, err := assay.New(assay.Config{Unknown: assay.UnknownDeny})
				if err != nil {
					return err
				}
				defer v.Close()
				client.Transport = v.Transport()
			}
			resp, err := client.Get(args[0])
			if err != nil {
				fmt.Fprintln(os.Stderr, command.QuoteLines(err.Error()))
				a.Status = command.Reject
				return nil
			}
			defer resp.Body.Close()
			_, err = io.Copy(a.Stdout, io.LimitReader(resp.Body, 1<<10))
			return err
		}}
	flags.Under(c, "Output").Switch(&judged, "judged", "", "by assay's transport")
	return c
}
