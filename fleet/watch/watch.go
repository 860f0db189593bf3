// Package watch looks after servers and after the CRLs and OCSP responders of
// one's own CA: it checks each of its targets again and again, keeps what came
// of it, and writes down every change as an event with before and after.
//
// Everything is in one database ([Store]), SQLite or PostgreSQL, which several
// processes may share. What a check came to is stored in one transaction: the
// report, the events that it makes, and when the next check is due. So nothing
// is lost and nothing is doubled, whenever a process ends.
package watch

import (
	"context"
	"errors"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Kind says what a target is.
type Kind string

// The kinds of targets.
const (
	Server  Kind = "server"  // a TLS server
	Service Kind = "service" // a domain whose servers the DNS names: mx:DOMAIN, srv:NAME
	CRL     Kind = "crl"     // the address of a CRL of one's own CA
	OCSP    Kind = "ocsp"    // the address of an OCSP responder of one's own CA
)

// Origin says who asked for a target.
type Origin string

// The origins of targets.
const (
	FromConfig Origin = "config" // the configuration names it, and removes it
	FromAPI    Origin = "api"    // somebody added it while the service ran
	FromDNS    Origin = "dns"    // a service target's records name it
)

// Spec is one thing to watch.
type Spec struct {
	Kind     Kind              `json:"kind"`             // what it is
	Target   string            `json:"target"`           // as `assay check` takes it, or the address of a CRL or OCSP responder
	Name     string            `json:"name"`             // what people call it; unique only by chance
	Group    string            `json:"group"`            // the group or CA of the configuration whose settings apply
	Labels   map[string]string `json:"labels,omitempty"` // of the configuration, for alerts and lists
	Origin   Origin            `json:"origin"`           // who asked for it
	Interval time.Duration     `json:"-"`                // between two checks, when nothing is wrong and nothing ends soon
	Digest   Hash              `json:"-"`                // of the settings that a check depends on: when it changes the target is checked at once
}

// Key identifies a target for good: the group and the target as written.
func (s Spec) Key() string { return s.Group + "\x1f" + s.Target }

// Target is a target with where it stands.
type Target struct {
	ID int64 `json:"id"` // never used again
	Spec
	Added   time.Time `json:"added"`            // when it was first asked for
	Removed time.Time `json:"removed,omitzero"` // when it was given up; zero while it is watched
	Next    time.Time `json:"next,omitzero"`    // when it is checked next
	Standing
}

// Standing is what the checks of a target came to. The zero Standing is that of
// a target that was not checked yet.
type Standing struct {
	Checked      time.Time      `json:"checked,omitzero"`       // the newest check
	Took         time.Duration  `json:"-"`                      // that check
	Failures     int            `json:"failures,omitempty"`     // how many checks in a row did not reach it
	State        int64          `json:"state,omitempty"`        // the state that it is in
	Since        time.Time      `json:"since,omitzero"`         // since when it is in that state
	Checks       int64          `json:"checks,omitempty"`       // how many found it in that state
	Verdict      report.Verdict `json:"verdict,omitempty"`      // of the newest check; "" before the first
	VerdictSince time.Time      `json:"verdict_since,omitzero"` // since when it is this verdict
	Ends         time.Time      `json:"ends,omitzero"`          // the first end ahead: of a certificate, a list, a staple
	Row          *report.Row    `json:"row,omitempty"`          // the newest report in one line
}

// State is a stretch of time in which every check of a target came to the same:
// verdict, certificates, findings of severity warning and above.
type State struct {
	ID     int64      `json:"id"`
	Target int64      `json:"target"`
	Began  time.Time  `json:"began"`          // the first check
	Ended  time.Time  `json:"ended,omitzero"` // when a check first came to something else; zero of the one that lasts
	Checks int64      `json:"checks"`         // how many there were
	Row    report.Row `json:"row"`            // the newest report of the state in one line
	Report bool       `json:"report"`         // whether its newest report is kept
}

// EventKind says what changed.
type EventKind string

// The kinds of events.
const (
	Added       EventKind = "target-added"       // the first check of a target; After has all that it came to
	Removed     EventKind = "target-removed"     // the target is watched no longer; Before has what it came to last
	Verdict     EventKind = "verdict"            // accept, reject, inconclusive
	Certificate EventKind = "certificate"        // the server's certificate is another one
	Key         EventKind = "key"                // its key is
	Issuer      EventKind = "issuer"             // the certificate above it on the chosen path is
	Chain       EventKind = "chain"              // what the server sends after it is
	Found       EventKind = "finding"            // a finding of severity warning or above that was not there before
	Gone        EventKind = "finding-gone"       // one that is there no longer
	Graded      EventKind = "finding-severity"   // one that weighs more or less than before
	Unwatchable EventKind = "target-unwatchable" // its group's settings cannot be used any more
)

// EventKinds lists the kinds of events.
func EventKinds() []EventKind {
	return []EventKind{Added, Removed, Verdict, Certificate, Key, Issuer, Chain, Found, Gone, Graded, Unwatchable}
}

// Event is one change of one target. It is never changed.
type Event struct {
	ID     int64     `json:"id"`     // rises; whoever has read up to one has missed none before it
	Key    string    `json:"key"`    // the same however often it is delivered: an idempotency key
	Target int64     `json:"target"` // Target.ID
	Name   string    `json:"name"`   // Target.Name at the time
	Group  string    `json:"group"`  // Target.Group
	Kind   EventKind `json:"kind"`
	Time   time.Time `json:"time"`             // of the check that saw it
	State  int64     `json:"state,omitempty"`  // the state that began with it; its report is the event's
	Before *Facts    `json:"before,omitempty"` // nil when there was nothing
	After  *Facts    `json:"after,omitempty"`  // nil when there is nothing
}

// Facts are one side of a change: what the kind of the event is about, and no
// more.
type Facts struct {
	Verdict     report.Verdict `json:"verdict,omitempty"`
	Headline    finding.ID     `json:"headline,omitempty"`    // the root cause
	Title       string         `json:"title,omitempty"`       // the root cause or the finding in words, quoted
	Certificate string         `json:"certificate,omitempty"` // SHA-256, hex
	Key         string         `json:"key,omitempty"`         // SHA-256 of the SubjectPublicKeyInfo, hex
	Subject     string         `json:"subject,omitempty"`     // of the certificate, quoted
	Issuer      string         `json:"issuer,omitempty"`      // name of its issuer, quoted
	NotAfter    time.Time      `json:"not_after,omitzero"`
	Chain       []string       `json:"chain,omitempty"` // SHA-256 of each certificate sent after the first, hex
	Finding     *Finding       `json:"finding,omitempty"`
}

// Finding is a finding that a target has now, or had.
type Finding struct {
	ID       finding.ID       `json:"id"`
	Severity finding.Severity `json:"severity"`
	Role     report.Role      `json:"role,omitempty"`    // of the certificate that it hangs on; "" when on none
	Subject  string           `json:"subject,omitempty"` // of that certificate, quoted
	SHA256   string           `json:"sha256,omitempty"`  // of that certificate, hex
	Title    string           `json:"title"`             // in words, quoted
	// Cause is the same for all targets that have the finding for one and the same
	// reason outside of them: "certificate:" and the SHA-256 of a CA's certificate,
	// or the address of a list, responder or issuer. "" when it is the target's own.
	Cause string    `json:"cause,omitempty"`
	Since time.Time `json:"since,omitzero"` // since when the target has it
}

// Outcome is what one check of a target came to.
type Outcome struct {
	Report *report.Report // nil only where Unmade is set
	Took   time.Duration
	// Servers are, of a service target whose name could be resolved, what its
	// records name now; Resolved says so. They replace those named before.
	Servers  []Spec
	Resolved bool
	// Unmade, when not nil, says why there was no check: nothing was learnt of the target,
	// and Report is nil. It wraps ErrUnmade.
	Unmade error
}

// ErrUnmade says that a check was not made, for a reason that is not the target's.
var ErrUnmade = errors.New("the check was not made")

// ErrAway says that no check can be made at present: those who make them are away. It is
// an ErrUnmade.
var ErrAway error = awayError{}

type awayError struct{}

func (awayError) Error() string { return "no checks are made" }
func (awayError) Unwrap() error { return ErrUnmade }

// Judge checks one target once. It is safe for concurrent use, ends soon after ctx
// does, and never fails: whatever went wrong with the target is in the report.
type Judge func(ctx context.Context, s Spec) Outcome
