package clients

import (
	"slices"
	"time"

	"github.com/assaytls/assay/finding"
)

// Outcome is what became of one question.
type Outcome string

// The outcomes.
const (
	Accepted     Outcome = "accepted"       // the server received the request: the client trusts it
	Refused      Outcome = "refused"        // the client connected and sent no request
	NotConnected Outcome = "not-connected"  // it never came
	Waits        Outcome = "waits"          // it had neither asked nor given up at the limit
	NotAsked     Outcome = "not-asked"      // this client cannot be asked, or need not
	NotAble      Outcome = "not-applicable" // it speaks no TLS 1.3, which the question is about
)

// Answer is a client's answer to one question.
type Answer struct {
	Question
	Outcome Outcome `json:"outcome"`
	Wrong   bool    `json:"wrong"`            // it accepted what must be refused, or refused what must be accepted
	Reason  string  `json:"reason,omitempty"` // the client's own words, one line

	Connected  bool   `json:"connected"`
	TLS13      bool   `json:"tls13"`                 // its ClientHello offers TLS 1.3
	ServerName string `json:"server_name,omitempty"` // that its ClientHello has
	MS         int64  `json:"ms"`
}

// State says whether a client was examined.
type State string

// The states.
const (
	Examined        State = "examined"
	VerifiesNothing State = "verifies-nothing" // it accepts anybody: it was not asked further
	NotExamined     State = "not-examined"     // it refuses a good server, so its refusals say nothing
)

// Row is one client, or one setting of it. Its JSON form is one object; additions keep RowVersion.
type Row struct {
	Schema     int      `json:"schema"` // the constant RowVersion
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Revocation bool     `json:"revocation_on"` // the row of the client with revocation switched on
	State      State    `json:"state"`
	Why        string   `json:"why,omitempty"` // of a client that was not examined: what to mend
	Fooled     []string `json:"fooled"`        // questions of the kinds path, name and wire, and of revocation where it is on, that it accepted
	// Lenient are accepted questions about encodings, Unasked those about revocation in a row
	// where it is not switched on.
	Lenient     []string          `json:"lenient"`
	Unasked     []string          `json:"revocation_not_asked"`
	RefusedGood []string          `json:"refused_good"` // good servers that it refused
	Questions   []Answer          `json:"questions"`
	Isolation   Isolation         `json:"isolation"`
	Exam        string            `json:"exam"`
	Note        string            `json:"note,omitempty"`
	Advice      map[string]string `json:"advice,omitempty"` // by question: how the check is switched on
	Assay       string            `json:"assay"`            // version of the program that asked
	Time        time.Time         `json:"time"`
}

// RowVersion is the version of a row's JSON form.
const RowVersion = 1

// Count is how many questions of a kind were answered wrongly, and of how many.
type Count struct{ Wrong, Of int }

// Count counts the answers of one kind.
func (r *Row) Count(k Kind) (c Count) {
	for _, a := range r.Questions {
		if a.Kind != k || a.Outcome == NotAsked || a.Outcome == NotAble || a.Outcome == NotConnected && !a.Accept() {
			continue // who never came has not refused
		}
		c.Of++
		if a.Wrong {
			c.Wrong++
		}
	}
	return c
}

// wrong reports whether an outcome is the wrong answer to q.
func (q Question) wrong(o Outcome) bool {
	switch {
	case !q.Scored() || o == NotAsked || o == NotAble:
		return false
	case q.Accept():
		return o != Accepted
	}
	return o == Accepted
}

// sum fills the lists from the answers.
func (r *Row) sum() {
	r.Fooled, r.Lenient, r.Unasked, r.RefusedGood = []string{}, []string{}, []string{}, []string{}
	for _, a := range r.Questions {
		switch {
		case !a.Wrong:
		case a.Kind == Good:
			r.RefusedGood = append(r.RefusedGood, a.Scenario)
		case a.Kind == Encoding:
			r.Lenient = append(r.Lenient, a.Scenario)
		case a.Kind == Revocation && !r.Revocation:
			r.Unasked = append(r.Unasked, a.Scenario)
		default:
			r.Fooled = append(r.Fooled, a.Scenario)
		}
	}
}

// Clean makes the texts of a row, of which some are a client's or a file's, safe to print, and its lists those that follow from its answers.
func (r *Row) Clean() {
	for _, s := range []*string{&r.Name, &r.Version, &r.Why, &r.Note, &r.Exam, &r.Assay} {
		*s = finding.Quote(*s)
	}
	advice := map[string]string{}
	for k, v := range r.Advice {
		advice[finding.Quote(k)] = finding.Quote(v)
	}
	r.Advice = advice
	for i := range r.Questions {
		q := &r.Questions[i]
		for _, s := range []*string{&q.Scenario, &q.Rule, &q.Case, &q.Reason, &q.ServerName} {
			*s = finding.Quote(*s)
		}
		q.Errors = slices.Clone(q.Errors) // they are the exam's
		for i, name := range q.Errors {
			q.Errors[i] = finding.Quote(name)
		}
	}
	r.sum()
}

// FooledIn lists the questions of the given kinds that fooled the client, without those that
// fooled it in the baseline already.
func (r *Row) FooledIn(kinds []Kind, baseline []Row) (names []string) {
	var before *Row
	if i := slices.IndexFunc(baseline, func(b Row) bool { return b.Name == r.Name && b.Exam == r.Exam }); i >= 0 {
		before = &baseline[i]
	}
	for _, a := range r.Questions {
		if !a.Wrong || !slices.Contains(kinds, a.Kind) {
			continue
		}
		if before != nil && slices.ContainsFunc(before.Questions, func(b Answer) bool { return b.Scenario == a.Scenario && b.Wrong }) {
			continue
		}
		names = append(names, a.Scenario)
	}
	return names
}
