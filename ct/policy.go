package ct

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// MaxListAge is when a log list is too old to enforce with: Chrome and Firefox
// both stop when ten weeks have passed.
const MaxListAge = 70 * 24 * time.Hour

const day = 24 * time.Hour

// browserPolicy is one browser's rule as data. It is met when one route is.
type browserPolicy struct {
	mode   policy.CTMode
	source string
	asOf   string // when the source was read
	routes []route
}

// route is one way to meet a policy. Distinct logs are counted, not SCTs.
type route struct {
	name      string
	sources   []report.SCTSource // the deliveries whose SCTs count
	current   int                // logs that are accepted at the time of the check
	delivered int                // of these, logs whose SCT came by TLS or OCSP
	retired   bool               // logs that were retired after they signed count too
	logs      []lifetime         // logs in all
	operators int                // distinct, each log's at the time of its SCT
	rfc6962   int                // logs of RFC 6962's kind, not static-ct
	inclusive bool               // a lifetime counts both its first and last second
}

// lifetime is a row: for certificates that live at most max (0: any), so many
// logs, of which at most perOperator of one operator count (0: all).
type lifetime struct {
	max         time.Duration
	logs        int
	perOperator int
}

// browserPolicies are the rules of the browsers that publish theirs.
var browserPolicies = []browserPolicy{
	{
		mode:   policy.CTChrome,
		source: "https://googlechrome.github.io/CertificateTransparency/ct_policy.html",
		asOf:   "2026-07",
		routes: []route{
			{name: "embedded SCTs", sources: []report.SCTSource{report.SCTEmbedded}, current: 1, operators: 2, retired: true,
				logs: []lifetime{{max: 180 * day, logs: 2}, {logs: 3}}},
			{name: "SCTs in the handshake", sources: []report.SCTSource{report.SCTTLS}, current: 2, operators: 2,
				logs: []lifetime{{logs: 2}}},
		},
	},
	{
		mode:   policy.CTApple,
		source: "https://support.apple.com/103214",
		asOf:   "2026-07",
		routes: []route{
			{name: "embedded SCTs", sources: []report.SCTSource{report.SCTEmbedded}, current: 1, rfc6962: 1, retired: true, inclusive: true,
				logs: []lifetime{{max: 180 * day, logs: 2, perOperator: 1}, {logs: 3, perOperator: 2}}},
			{name: "SCTs in handshake or staple", sources: []report.SCTSource{report.SCTEmbedded, report.SCTTLS, report.SCTOCSP}, current: 2, delivered: 1,
				rfc6962: 1, logs: []lifetime{{logs: 2}}},
		},
	},
}

// current reports whether browsers count the log's SCTs at the moment judged for.
// States that are not known do not count.
func (c *checked) current() bool {
	return !c.log.Test && (c.state == Qualified || c.state == Usable || c.state == ReadOnly)
}

// accepts reports whether a valid SCT is one the list stands behind: the log is
// current, or was retired after it signed. In a list that gives no log a state
// every log is accepted.
func (l *LogList) accepts(c *checked) bool {
	if l.stateless {
		return !c.log.Test
	}
	return c.current() || c.retiredAfter()
}

// retiredAfter reports whether the log is retired and signed before that.
func (c *checked) retiredAfter() bool {
	return !c.log.Test && c.state == Retired && !c.since.IsZero() && c.Time().Before(c.since)
}

// judge applies the policy.
func (r *Result) judge(in *Input) {
	if in.List == nil {
		r.judgeWithoutList(in.Policy)
		return
	}
	if r.delivered(0) == 0 {
		f := finding.New(finding.CTSCTMissing)
		if !in.Private {
			f = f.Graded(finding.Warning, "the root is publicly trusted")
		}
		r.add(0, f)
	}
	stale := r.listAge(in)
	switch in.Policy {
	case policy.CTReport: // whether a browser would accept is said, and decides nothing
		if in.List.stateless {
			r.explain("the browsers' policies: not evaluated, for the log list gives no log a state")
		} else if !in.Private && !stale {
			for i := range browserPolicies {
				r.evaluate(in, &browserPolicies[i])
			}
		}
	case policy.CTChrome, policy.CTApple:
		r.judgeBrowser(in, stale)
	default: // strict, and whatever else was asked for: refuse rather than ignore
		r.judgeStrict(in, stale)
	}
}

// of returns the SCTs of the i-th certificate.
func (r *Result) of(i int) []*checked {
	var out []*checked
	for k := range r.scts {
		if r.scts[k].cert == i {
			out = append(out, &r.scts[k])
		}
	}
	return out
}

// delivered counts the SCTs that came with the i-th certificate.
func (r *Result) delivered(i int) (n int) {
	for k := range r.scts {
		if c := &r.scts[k]; c.cert == i && c.source != report.SCTFetched {
			n++
		}
	}
	return n
}

func (r *Result) judgeWithoutList(mode policy.CTMode) {
	n := 0
	for i := range r.Certs {
		n += r.delivered(i)
	}
	if n > 0 {
		r.add(0, finding.New(finding.CTNotVerified, "count", strconv.Itoa(n)))
	} else {
		r.add(0, finding.New(finding.CTSCTMissing))
	}
	if mode.Enforced() {
		r.add(0, finding.New(finding.CTNoLogList, "policy", mode.String()))
	}
}

// listAge adds the findings about the list's age and reports whether it is too
// old to enforce with.
func (r *Result) listAge(in *Input) bool {
	age, dated := in.List.Age(in.Time)
	if !dated {
		if len(r.scts) > 0 {
			r.add(0, finding.New(finding.CTListUndated))
		}
		return false
	}
	if age < MaxListAge {
		return false
	}
	r.add(0, finding.New(finding.CTListStale, "date", timeText(in.List.timestamp),
		"age", strconv.Itoa(int(age/day)), "limit", strconv.Itoa(int(MaxListAge/day))))
	return true
}

func (r *Result) explain(format string, args ...any) {
	if r.brief {
		return
	}
	r.CT.Explain = append(r.CT.Explain, fmt.Sprintf(format, args...))
}

// met records one certificate's outcome; the report's is the worst.
func (r *Result) met(ok bool) {
	if r.CT.Met != nil {
		ok = ok && *r.CT.Met
	}
	r.CT.Met = &ok
}

// judgeStrict asks for one valid SCT of an accepted log, as OpenSSL's strict
// mode does, for the leaf or for every certificate below the anchor. With an
// old list it can only say yes: a missing log may be a new one.
func (r *Result) judgeStrict(in *Input, stale bool) {
	last := 1
	if in.Depth == policy.CTChain {
		last = max(1, len(in.Path)-1)
	}
	for i := range last {
		var counts described
		var lacks []string
		for _, c := range r.of(i) {
			switch {
			case c.status != report.SCTValid:
				lacks = append(lacks, fmt.Sprintf("%s (%s): %s", c.name(), c.source, c.status))
			case !in.List.accepts(c):
				lacks = append(lacks, fmt.Sprintf("%s (%s): the log is %s", c.name(), c.source, c.stateText()))
			case c.interval:
				lacks = append(lacks, fmt.Sprintf("%s (%s): the log is not for certificates that end then", c.name(), c.source))
			default:
				counts = append(counts, c)
			}
		}
		subject := "the certificate"
		if i > 0 {
			subject = "the CA certificate " + in.Path[i].Subject.String()
		}
		if len(counts) > 0 {
			r.met(true)
			r.explain("strict: %s has valid SCTs: %s", subject, counts)
			if i == 0 && stale {
				r.markStale()
			}
			continue
		}
		detail := "there is no SCT"
		if len(lacks) > 0 {
			detail = strings.Join(lacks, "; ")
		}
		r.met(false)
		r.explain("strict: %s has no valid SCT: %s", subject, detail)
		f := finding.New(finding.CTNoValidSCT, "certificate", subject, "detail", detail)
		if stale {
			f = f.Graded(finding.Inconclusive, "the log list is too old")
		}
		r.add(i, f)
	}
}

// markStale makes strict inconclusive: the list no longer tells which logs are
// trusted.
func (r *Result) markStale() {
	for i, f := range r.Certs[0] {
		if f.ID == finding.CTListStale {
			r.Certs[0][i] = f.Graded(finding.Inconclusive, "--ct require")
		}
	}
}

// described are SCTs as explanations name them.
type described []*checked

func (d described) String() string {
	names := make([]string, len(d))
	for i, c := range d {
		names[i] = c.describe()
	}
	return strings.Join(names, "; ")
}

func (c *checked) describe() string {
	return fmt.Sprintf("%s of %s (%s, %s, %s)", c.name(), c.log.OperatorAt(c.Time()), c.source, c.stateText(), timeText(c.Time()))
}

// judgeBrowser applies a browser's policy to the leaf.
func (r *Result) judgeBrowser(in *Input, stale bool) {
	mode := in.Policy.String()
	if in.Private {
		r.explain("%s: not applied, for the anchor is not a publicly trusted one", mode)
		r.add(0, finding.New(finding.CTPrivateAnchor, "policy", mode))
		return
	}
	if stale {
		r.explain("%s: not enforced, for the log list is older than %d days", mode, MaxListAge/day)
		return
	}
	if in.List.stateless {
		r.explain("%s: not met, for the log list gives no log a state", mode)
		r.met(false)
		r.add(0, finding.New(finding.CTPolicyUnmet, "policy", mode, "detail", "the log list gives no log a state, so no log counts"))
		return
	}
	i := slices.IndexFunc(browserPolicies, func(p browserPolicy) bool { return p.mode == in.Policy })
	lack := r.evaluate(in, &browserPolicies[i])
	r.met(lack == "")
	if lack != "" {
		r.add(0, finding.New(finding.CTPolicyUnmet, "policy", mode, "detail", lack))
	}
}

// evaluate explains whether the leaf meets a browser's policy; nearest is what the
// route that comes closest misses, "" when one route is complete.
func (r *Result) evaluate(in *Input, p *browserPolicy) (nearest string) {
	r.explain("%s: rules of %s as of %s", p.mode, p.source, p.asOf)
	leaf := in.Path[0]
	scts := r.of(0)
	least, most := math.MaxInt, 0 // what that route misses, and what counts on it
	for _, rt := range p.routes {
		life := leaf.NotAfter.Sub(leaf.NotBefore) // at most 292 years, however long
		if rt.inclusive && life < math.MaxInt64-time.Second {
			life += time.Second
		}
		used, missing := rt.judge(scts, life)
		if len(missing) == 0 {
			r.explain("%s: met by %s: %s", p.mode, rt.name, used)
			return ""
		}
		have := "none counts"
		if len(used) > 0 {
			have = "counting " + used.String()
		}
		lack := fmt.Sprintf("%s: missing %s", rt.name, strings.Join(missing, ", "))
		r.explain("%s: not met by %s (%s)", p.mode, lack, have)
		if len(missing) < least || len(missing) == least && len(used) > most {
			nearest, least, most = lack, len(missing), len(used)
		}
	}
	for _, c := range scts {
		if c.status != report.SCTValid {
			r.explain("%s: the SCT of %s (%s) does not count: %s", p.mode, c.name(), c.source, c.status)
		}
	}
	return nearest
}

// judge returns the SCTs that count on this route and what is missing for a
// certificate that lives so long.
func (rt *route) judge(scts []*checked, life time.Duration) (used described, missing []string) {
	need := rt.logs[len(rt.logs)-1]
	for _, row := range rt.logs {
		if row.max == 0 || life <= row.max {
			need = row
			break
		}
	}
	current, delivered, classic := 0, 0, 0
	seen := map[*Log]bool{}
	sent := map[*Log]bool{}
	operators := map[string]bool{}
	ran := map[*Log][]string{} // who ran the log when it signed, for each of its SCTs
	for _, c := range scts {
		if c.status != report.SCTValid || !slices.Contains(rt.sources, c.source) {
			continue
		}
		if !c.current() && !(rt.retired && c.retiredAfter()) {
			continue
		}
		if !c.embedded() && c.current() && !sent[c.log] {
			sent[c.log] = true
			delivered++
		}
		operator := c.log.OperatorAt(c.Time())
		operators[operator] = true
		if !slices.Contains(ran[c.log], operator) {
			ran[c.log] = append(ran[c.log], operator)
		}
		if seen[c.log] {
			continue
		}
		seen[c.log] = true
		used = append(used, c)
		if c.current() {
			current++
		}
		if !c.log.Tiled {
			classic++
		}
	}
	logs := len(ran)
	if need.perOperator > 0 {
		logs = mostLogs(used, ran, need.perOperator)
	}
	lack := func(have, want int, what string) {
		if have < want {
			missing = append(missing, fmt.Sprintf("%s (%d of %d)", what, have, want))
		}
	}
	lack(current, rt.current, "an SCT of a log that is accepted now")
	lack(delivered, rt.delivered, "an SCT delivered by TLS or OCSP")
	what := "SCTs of different logs"
	if need.perOperator > 0 {
		what = fmt.Sprintf("SCTs of different logs, at most %d per operator", need.perOperator)
	}
	lack(logs, need.logs, what)
	lack(len(operators), rt.operators, "different operators")
	lack(classic, rt.rfc6962, "an SCT of an RFC 6962 log")
	return used, missing
}

// mostLogs is how many of the logs count when at most limit of them may be of one
// operator. A log that changed hands between two of its SCTs may count for either
// operator, whichever lets more logs count, in whatever order the SCTs stand.
func mostLogs(used described, ran map[*Log][]string, limit int) (n int) {
	of := map[string][]*Log{} // the logs that count for an operator
	var place func(l *Log, tried map[string]bool) bool
	place = func(l *Log, tried map[string]bool) bool {
		for _, operator := range ran[l] {
			if tried[operator] {
				continue
			}
			tried[operator] = true
			if len(of[operator]) < limit {
				of[operator] = append(of[operator], l)
				return true
			}
			for i, other := range of[operator] {
				if place(other, tried) {
					of[operator][i] = l
					return true
				}
			}
		}
		return false
	}
	for _, c := range used {
		if place(c.log, map[string]bool{}) {
			n++
		}
	}
	return n
}
