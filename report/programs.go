package report

import (
	"time"

	"github.com/assaytls/assay/policy"
)

// Program is what one root program makes of the certificate: whether a path leads to
// one of its roots and keeps its conditions. Revocation, which all share, is not part
// of it. It decides nothing, unless the policy says that this program's roots decide:
// then the findings on the paths say the same.
type Program struct {
	Program policy.Program `json:"program"`        // whose answer it is
	Status  ProgramStatus  `json:"status"`         // the answer
	Rule    ProgramRule    `json:"rule,omitempty"` // what decides; "" when the program has no condition for the root
	// Detail says why, in words that go on after a colon. It may have text of the
	// peer: print it only through finding.Quote.
	Detail string `json:"detail,omitempty"`

	// Certs is the path that decides, as indexes in Report.Certs, leaf first; At is the
	// position on it of the certificate that decides, the root or what is distrusted.
	// -1 when there is none.
	Certs []int `json:"certs,omitempty"`
	At    int   `json:"at"`

	Since     time.Time `json:"since,omitzero"`      // the date in the rule; zero when it has none
	Until     time.Time `json:"until,omitzero"`      // until when it is accepted; zero when the program sets no end before the certificate's
	LastIssue time.Time `json:"last_issue,omitzero"` // a certificate issued later below the same root is refused; zero when the program sets no such date
	Missing   []string  `json:"missing,omitempty"`   // the names of roots whose certificates are not at hand, where the answer depends on them

	Table   *ProgramTable  `json:"table,omitempty"`   // where the answer is from; nil for the system's roots
	Browser []BrowserCheck `json:"browser,omitempty"` // what the program's browser asks for in addition, as far as assay can tell
}

// ProgramTable says where what is known of a root program is from.
type ProgramTable struct {
	Source  string    `json:"source"`            // the publication
	Version string    `json:"version,omitempty"` // in its own words; "" when it has none
	AsOf    time.Time `json:"as_of"`             // its date, UTC
	AgeDays int       `json:"age_days"`          // whole days from AsOf to the report's time
}

// BrowserCheck is one thing that a browser asks for beside its root program.
type BrowserCheck struct {
	Rule   BrowserRule  `json:"rule"`             // what is asked for
	State  BrowserState `json:"state"`            // what came of it
	Detail string       `json:"detail,omitempty"` // why
}

// ProgramStatus is a root program's answer. The empty one, and what is none, stands
// for ProgramCannotTell.
type ProgramStatus string

// The answers.
const (
	ProgramCannotTell    ProgramStatus = "cannot-tell"     // something that is needed is not known; it does not mean no
	ProgramAccepted      ProgramStatus = "accepted"        // a path is accepted
	ProgramAcceptedUntil ProgramStatus = "accepted-until"  // a path is accepted, for less long than the certificate holds
	ProgramDependsOnSCTs ProgramStatus = "depends-on-scts" // the time of SCTs decides, and they could not be verified
	ProgramRefused       ProgramStatus = "refused"         // no path is accepted
)

// known returns s, or ProgramCannotTell when s is none of the answers.
func (s ProgramStatus) known() ProgramStatus {
	switch s {
	case ProgramAccepted, ProgramAcceptedUntil, ProgramDependsOnSCTs, ProgramRefused:
		return s
	}
	return ProgramCannotTell
}

// Emphasis returns how the answer is set.
func (s ProgramStatus) Emphasis() Emphasis {
	switch s.known() {
	case ProgramAccepted:
		return Fine
	case ProgramRefused:
		return Bad
	}
	return Caution
}

// ProgramRule is what decides a root program's answer.
type ProgramRule string

// The rules. The last group is of what is not known.
const (
	RuleNotIncluded      ProgramRule = "not-included"       // no path leads to a root of the program
	RuleUsageNotIncluded ProgramRule = "usage-not-included" // the program has the root for other uses than TLS servers
	RuleDistrusted       ProgramRule = "distrusted"         // the program distrusts the certificate, without a date
	RuleDistrustAfter    ProgramRule = "distrust-after"     // certificates issued after a date are refused
	RuleNotBefore        ProgramRule = "not-before"         // certificates issued from a date on are refused
	RuleDisallowed       ProgramRule = "disallowed"         // everything is refused from a date on
	RuleSCTNotAfter      ProgramRule = "sct-not-after"      // one SCT must be from before a date
	RuleSCTAllAfter      ProgramRule = "sct-all-after"      // all SCTs must be from after a date
	RuleMinVersion       ProgramRule = "min-version"        // only later versions of the browser accept the root
	RuleMaxVersion       ProgramRule = "max-version"        // only earlier versions of the browser do
	RulePermittedNames   ProgramRule = "permitted-names"    // the root is accepted for some names only
	RuleAnchorExpired    ProgramRule = "anchor-expired"     // the root itself ends, or has ended
	RulePathInvalid      ProgramRule = "path-invalid"       // a path leads to a root of the program, and it is not valid

	RuleNoTable        ProgramRule = "no-table"         // nothing is known of the program
	RuleTableTooOld    ProgramRule = "table-too-old"    // what is known is too old
	RuleUndated        ProgramRule = "rule-undated"     // the program restricts the root, and it is not published from when
	RuleUsageUnknown   ProgramRule = "usage-unknown"    // it is not published whether the root is for TLS servers
	RuleAnchorNotGiven ProgramRule = "anchor-not-given" // the certificate of a root is not at hand
	RuleNoPath         ProgramRule = "no-path"          // there is no certificate
	RulePathUnclear    ProgramRule = "path-unclear"     // a path leads to a root of the program, and whether it is valid is not known
)

// BrowserRule is what a browser asks for beside its root program.
type BrowserRule string

// What browsers ask for that assay can tell of.
const (
	BrowserCT       BrowserRule = "ct"       // the browser's policy on Certificate Transparency
	BrowserLifetime BrowserRule = "lifetime" // the longest lifetime of public certificates, by their day of issue
	BrowserCRLite   BrowserRule = "crlite"   // CRLite filters
	BrowserOneCRL   BrowserRule = "onecrl"   // Mozilla's list of revoked intermediates
)

// BrowserState is what came of it. The empty one stands for BrowserUnknown.
type BrowserState string

// What came of what a browser asks for.
const (
	BrowserMet     BrowserState = "met"         // the browser is content
	BrowserUnmet   BrowserState = "not-met"     // the browser refuses
	BrowserUnknown BrowserState = "cannot-tell" // something that is needed is not known
)
