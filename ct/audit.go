package ct

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Audit asks the logs of a certificate's valid SCTs whether they published the
// certificate, and believes no answer that it cannot verify. It does no I/O:
//
//	for a := ct.NewAudit(result, now); ; {
//		needs := a.Needs()
//		if len(needs) == 0 { break }
//		… fetch each, a.Provide(need.URL, status, body)
//	}
//
// Asking tells a log which certificate is looked at; callers do it only when
// told to. An Audit is not safe for concurrent use.
type Audit struct {
	now     time.Time
	tasks   []*auditTask
	beyond  []int // SCTs beyond the limit, as indexes in report.CT.SCTs
	answers map[string]answer
}

// Need is one URL to fetch with GET. A body beyond MaxBytes is worthless.
type Need struct {
	URL      string // what to GET
	MaxBytes int64  // the most that an answer may have
}

type answer struct {
	status int // HTTP status, 0 when there was none
	body   []byte
	failed string // why there is no body; "" when there is one
}

// problem says why the answer is of no use, "" when it has a body to look at.
func (g answer) problem(limit int) string {
	switch {
	case g.failed != "":
		return g.failed
	case g.status == 0:
		return "no answer"
	case g.status != 200:
		return "HTTP status " + strconv.Itoa(g.status)
	case len(g.body) > limit:
		return fmt.Sprintf("more than %d bytes", limit)
	}
	return ""
}

// Bounds of what a log may answer, and of the SCTs audited.
const (
	maxHeadBytes  = 64 << 10
	maxProofBytes = 64 << 10
	maxTileBytes  = tileWidth * 32
	maxAudited    = 16
)

// headSkew is how far a tree head's time may be ahead of ours: logs sign when they
// are asked, and clocks differ.
const headSkew = 5 * time.Minute

// defaultMMD is what a list that gives no merge delay is taken to mean.
const defaultMMD = 24 * time.Hour

// auditTask is one SCT to audit.
type auditTask struct {
	sct  int // index in report.CT.SCTs
	log  *Log
	s    *SCT
	leaf [32]byte

	head     TreeHead
	haveHead bool
	outcome  report.Inclusion // "" while needs are open
	detail   string
	findings []finding.Finding
}

// NewAudit prepares the audit of the leaf's valid SCTs in r, at most 16. now
// is the real time, since logs answer for now.
func NewAudit(r Result, now time.Time) *Audit {
	a := &Audit{now: now.UTC(), answers: make(map[string]answer)}
	for i := range r.scts {
		c := &r.scts[i]
		if c.cert != 0 || c.status != report.SCTValid || c.repeated {
			continue
		}
		if len(a.tasks) == maxAudited {
			a.beyond = append(a.beyond, i)
			continue
		}
		a.tasks = append(a.tasks, &auditTask{sct: i, log: c.log, s: &c.SCT, leaf: leafHash(c.entry, &c.SCT)})
	}
	return a
}

// Needs returns what is to be fetched next, none when the audit is complete.
func (a *Audit) Needs() []Need {
	var needs []Need
	seen := make(map[string]bool)
	for _, t := range a.tasks {
		for _, n := range a.step(t) {
			if !seen[n.URL] {
				seen[n.URL] = true
				needs = append(needs, n)
			}
		}
	}
	return needs
}

// Provide takes the answer to a need: the HTTP status and the body, or status
// 0 when there was no answer.
func (a *Audit) Provide(url string, status int, body []byte) {
	a.answers[url] = answer{status: status, body: body}
}

// Failed says why a need cannot be met, in words for people. status is what HTTP
// said, 0 when it said nothing.
func (a *Audit) Failed(url string, status int, why string) {
	a.answers[url] = answer{status: status, failed: cmp.Or(why, "no answer")}
}

// Tally returns how many valid SCTs the leaf has, and of how many it is known by an
// authentic answer that the log keeps, breaks or may still keep its promise.
func (a *Audit) Tally() (valid, answered int) {
	for _, t := range a.tasks {
		if a.step(t); t.outcome != "" && t.outcome != report.Unavailable {
			answered++
		}
	}
	return len(a.tasks) + len(a.beyond), answered
}

// Findings returns what the audit found, on the leaf. SCTs whose needs were
// not provided are reported as not audited.
func (a *Audit) Findings() []finding.Finding {
	var out []finding.Finding
	for _, t := range a.tasks {
		if a.step(t); t.outcome == "" {
			out = append(out, t.finding(finding.CTAuditUnavailable, "detail", "no answer was fetched"))
			continue
		}
		out = append(out, t.findings...)
	}
	if n := len(a.beyond); n > 0 {
		out = append(out, finding.New(finding.CTAuditLimit, "count", strconv.Itoa(len(a.tasks)+n), "limit", strconv.Itoa(maxAudited)))
	}
	return out
}

// Fill writes the outcome of each audited SCT into c, the CT of the Result
// that the audit was made from.
func (a *Audit) Fill(c *report.CT) {
	for _, t := range a.tasks {
		if a.step(t); t.sct >= len(c.SCTs) {
			continue
		}
		s := &c.SCTs[t.sct]
		if s.Inclusion = t.outcome; t.outcome == "" {
			s.Inclusion = report.Unavailable
		}
		if t.detail != "" {
			s.Detail = t.detail
		}
	}
	for _, i := range a.beyond {
		if i < len(c.SCTs) {
			c.SCTs[i].Inclusion, c.SCTs[i].Detail = report.Unavailable, fmt.Sprintf("not asked about: the limit is %d SCTs", maxAudited)
		}
	}
}

// step takes a task as far as the answers go and returns what it needs next.
func (a *Audit) step(t *auditTask) []Need {
	if t.outcome != "" {
		return nil
	}
	if t.log.Tiled {
		return a.stepTiled(t)
	}
	return a.stepRFC6962(t)
}

func (t *auditTask) finding(id finding.ID, kv ...string) finding.Finding {
	name := t.log.Description
	if name == "" {
		name = base64.StdEncoding.EncodeToString(t.log.ID[:])
	}
	return finding.New(id, append([]string{"log", name}, kv...)...)
}

func (t *auditTask) unavailable(detail string) {
	t.outcome, t.detail = report.Unavailable, detail
	t.findings = append(t.findings, t.finding(finding.CTAuditUnavailable, "detail", detail))
}

func (t *auditTask) badAnswer(detail string) {
	t.outcome, t.detail = report.Unavailable, detail
	t.findings = append(t.findings, t.finding(finding.CTAuditBadAnswer, "detail", detail))
}

func (t *auditTask) included(index uint64) {
	t.outcome = report.Included
	t.detail = fmt.Sprintf("entry %d of %d, tree head of %s", index, t.head.Size, timeText(t.head.Time))
}

// denied takes a log's word that it has no such entry, which nobody has signed: a
// proxy, or an attacker on the way, can say so too. It proves nothing, and while the
// tree head is no later than the promise's end it is what a faultless log says.
func (t *auditTask) denied(now time.Time, detail string) {
	if !t.head.Time.After(t.s.Time().Add(t.mmd())) {
		t.absent(now, detail)
		return
	}
	t.outcome, t.detail = report.Unavailable, detail
	t.findings = append(t.findings, t.finding(finding.CTAbsenceUnproven, "time", timeText(t.s.Time()), "detail", detail))
}

// absent concludes that the tree lacks the entry: a broken promise when the
// tree head is later than the promise's end, else nothing yet.
func (t *auditTask) absent(now time.Time, detail string) {
	until := t.s.Time().Add(t.mmd())
	switch {
	case t.head.Time.After(until):
		t.outcome, t.detail = report.Absent, detail
		t.findings = append(t.findings, t.finding(finding.CTNotIncluded, "time", timeText(t.s.Time()), "detail", detail))
	case now.After(until):
		t.unavailable("the log's newest tree head is older than the end of its promise")
	default:
		t.outcome, t.detail = report.Pending, "promised until "+timeText(until)
		t.findings = append(t.findings, t.finding(finding.CTAuditPending, "until", timeText(until)))
	}
}

func (t *auditTask) mmd() time.Duration {
	if t.log.MMD > 0 {
		return t.log.MMD
	}
	return defaultMMD
}

// readHead gets and verifies the tree head. needs is what is missing for it;
// ok is false when the task is over or waits.
func (a *Audit) readHead(t *auditTask, at string, parse func([]byte, *Log) (TreeHead, error)) (needs []Need, ok bool) {
	if t.haveHead {
		return nil, true
	}
	got, fetched := a.answers[at]
	if !fetched {
		return []Need{{at, maxHeadBytes}}, false
	}
	if why := got.problem(maxHeadBytes); why != "" {
		t.unavailable("no tree head: " + why)
		return nil, false
	}
	head, err := parse(got.body, t.log)
	if err == nil && head.Time.After(a.now.Add(headSkew)) {
		err = errors.New("its time is in the future: " + timeText(head.Time))
	}
	if err != nil {
		t.badAnswer("tree head: " + err.Error())
		return nil, false
	}
	t.head, t.haveHead = head, true
	// Retired and read-only logs are frozen: their last tree head may be old.
	state, _ := t.log.StateAt(a.now)
	frozen := state == ReadOnly || state == Retired || state == Rejected
	if !frozen && a.now.Sub(head.Time) > t.mmd()+time.Hour {
		t.findings = append(t.findings, t.finding(finding.CTLogBehind, "time", timeText(head.Time), "mmd", finding.Duration(t.mmd())))
	}
	return nil, true
}

// stepRFC6962 asks for the signed tree head, then for the proof of the leaf's
// hash in that tree (RFC 6962, 4.3 and 4.5).
func (a *Audit) stepRFC6962(t *auditTask) []Need {
	if t.log.Submission == "" {
		t.unavailable("the log list gives no address")
		return nil
	}
	needs, ok := a.readHead(t, t.log.Submission+"ct/v1/get-sth", ParseTreeHead)
	if !ok {
		return needs
	}
	if t.head.Size == 0 {
		t.absent(a.now, "the log is empty")
		return nil
	}
	at := t.log.Submission + "ct/v1/get-proof-by-hash?hash=" + url.QueryEscape(base64.StdEncoding.EncodeToString(t.leaf[:])) +
		"&tree_size=" + strconv.FormatUint(t.head.Size, 10)
	got, fetched := a.answers[at]
	if !fetched {
		return []Need{{at, maxProofBytes}}
	}
	if got.status == 404 || got.status == 400 && strings.Contains(strings.ToLower(string(got.body)), "not found") {
		t.denied(a.now, "HTTP status "+strconv.Itoa(got.status))
		return nil
	}
	if why := got.problem(maxProofBytes); why != "" {
		t.unavailable("no proof: " + why)
		return nil
	}
	index, proof, err := ParseProof(got.body)
	if err == nil {
		err = VerifyInclusion(t.head, index, t.leaf, proof)
	}
	if err != nil {
		t.badAnswer(err.Error())
		return nil
	}
	t.included(index)
	return nil
}

// stepTiled asks for the checkpoint, then for the tiles that prove which leaf
// stands at the index the SCT promises.
func (a *Audit) stepTiled(t *auditTask) []Need {
	base := t.log.Monitoring
	if base == "" || t.log.Submission == "" {
		t.unavailable("the log list gives no address")
		return nil
	}
	index, ok := t.s.LeafIndex()
	if !ok {
		t.unavailable("the SCT has no leaf index, which logs of the static-ct kind promise and without which they cannot be asked")
		return nil
	}
	needs, ok := a.readHead(t, base+"checkpoint", ParseCheckpoint)
	if !ok {
		return needs
	}
	if index >= t.head.Size {
		t.absent(a.now, fmt.Sprintf("the tree has %d entries, the SCT promises entry %d", t.head.Size, index))
		return nil
	}
	missing := ""
	tree := tileTree{size: t.head.Size, load: func(tl tile) ([]byte, bool) {
		body, need, problem := a.loadTile(base, tl)
		if need != "" {
			needs = append(needs, Need{need, maxTileBytes})
		}
		if problem != "" && missing == "" {
			missing = problem
		}
		return body, body != nil
	}}
	proof, there, ok := tree.proof(index)
	switch {
	case missing != "":
		t.unavailable(missing)
		return nil
	case !ok:
		return needs
	case VerifyInclusion(t.head, index, t.leaf, proof) == nil:
		t.included(index)
	case VerifyInclusion(t.head, index, there, proof) == nil:
		// The log's signed tree holds something else at the promised place: no
		// later tree can change that, so the merge delay does not matter.
		detail := fmt.Sprintf("entry %d of the signed tree is another one", index)
		t.outcome, t.detail = report.Absent, detail
		t.findings = append(t.findings, t.finding(finding.CTNotIncluded, "time", timeText(t.s.Time()), "detail", detail))
	default:
		t.badAnswer("the tiles do not lead to the checkpoint's root")
	}
	return nil
}

// loadTile returns a tile's hashes, or the URL that is needed for them, or why
// they cannot be had. A log may drop a partial tile once the full one exists.
func (a *Audit) loadTile(base string, tl tile) (body []byte, need, problem string) {
	for _, full := range []bool{false, true} {
		at := base + tl.path(full)
		got, fetched := a.answers[at]
		if !fetched {
			return nil, at, ""
		}
		why := got.problem(maxTileBytes)
		switch {
		case why != "":
			problem = "no " + tl.path(full) + ": " + why
		case len(got.body) == 32*tl.width, full && len(got.body) == maxTileBytes:
			return got.body[:32*tl.width], "", ""
		default:
			return nil, "", fmt.Sprintf("%s has %d bytes, not %d", tl.path(full), len(got.body), 32*tl.width)
		}
	}
	return nil, "", problem
}
