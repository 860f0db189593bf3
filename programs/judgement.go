package programs

import (
	"fmt"
	"strconv"
	"time"

	"github.com/assaytls/assay/policy"
)

// word returns the word of v, and for what is no value a text that no word equals.
func word(words []string, v int) string {
	if v >= 0 && v < len(words) {
		return words[v]
	}
	return "(" + strconv.Itoa(v) + ")"
}

// marshal returns the word of v, for encoding.TextMarshaler.
func marshal(words []string, v int) ([]byte, error) {
	if v < 0 || v >= len(words) {
		return nil, fmt.Errorf("%d has no word", v)
	}
	return []byte(words[v]), nil
}

// Status is a program's answer about the paths of one certificate. The zero is
// that nothing can be said.
type Status uint8

// The answers.
const (
	CannotTell    Status = iota // a datum lacks: Reason says which. It does not mean no
	Accepted                    // a path is accepted
	AcceptedUntil               // a path is accepted until Judgement.Until, which is before the leaf ends
	DependsOnSCTs               // accepted or refused by the time of SCTs that could not be verified
	Refused                     // no path is accepted
)

var statusWords = []string{"cannot-tell", "accepted", "accepted-until", "depends-on-scts", "refused"}

// AllStatus lists the answers.
func AllStatus() []Status {
	return []Status{CannotTell, Accepted, AcceptedUntil, DependsOnSCTs, Refused}
}

// String returns the answer's word.
func (s Status) String() string { return word(statusWords, int(s)) }

// MarshalText returns the answer's word.
func (s Status) MarshalText() ([]byte, error) { return marshal(statusWords, int(s)) }

// Reason is the rule that decides. The zero is that there is none: the program has
// no condition for the anchor.
type Reason uint8

// The reasons. Behind each stand the answers that it is for, and the fields of
// [Judgement] with its parameters besides Path, At and Entry.
const (
	Unconditional Reason = iota // Accepted

	NotIncluded      // Refused: no path leads to an anchor of the program
	UsageNotIncluded // Refused: the program has the root for other uses than TLS servers
	IsDistrusted     // Refused: the program distrusts the certificate, without a date
	DistrustAfter    // Refused: the leaf's notBefore is after Since. Accepted: it is not
	NotBefore        // Refused: the leaf's notBefore is at Since or later. Accepted: it is not
	Disallowed       // Refused: nothing is accepted from Since on (zero: always). AcceptedUntil: Until
	SCTNotAfter      // Refused: every SCT is after Since. Accepted: one is not. DependsOnSCTs
	SCTAllAfter      // Refused: an SCT is not after Since, or there is none. Accepted: all are. DependsOnSCTs
	MinVersion       // Refused: the browser's version is before Version
	MaxVersion       // Refused: the browser's version is not before Version
	PermittedNames   // Refused: the leaf has DNSName, which is not among Entry's permitted names. Accepted: it has none
	AnchorExpired    // Refused: the anchor ended at Since. AcceptedUntil: it ends at Until

	NoTable        // CannotTell: there is no table of the program
	TableTooOld    // CannotTell: the table is older than MaxAge
	RuleUndated    // CannotTell: the program restricts the root, and the sources do not say from when
	UsageUnknown   // CannotTell: the sources do not say whether the root is for TLS servers
	AnchorNotGiven // CannotTell: Missing may have issued a certificate that was seen; its certificate is not at hand
	NoPath         // CannotTell: no path was given
)

var reasonWords = []string{"unconditional",
	"not-included", "usage-not-included", "distrusted", "distrust-after", "not-before", "disallowed", "sct-not-after", "sct-all-after",
	"min-version", "max-version", "permitted-names", "anchor-expired",
	"no-table", "table-too-old", "rule-undated", "usage-unknown", "anchor-not-given", "no-path"}

// AllReason lists the reasons.
func AllReason() []Reason {
	all := make([]Reason, len(reasonWords))
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// String returns the reason's word.
func (r Reason) String() string { return word(reasonWords, int(r)) }

// MarshalText returns the reason's word.
func (r Reason) MarshalText() ([]byte, error) { return marshal(reasonWords, int(r)) }

// Judgement is a program's answer and what decided it. Times are in UTC. The zero
// is an answer that nothing can be said, by the system's store.
type Judgement struct {
	Program policy.Program // whose answer it is
	Status  Status         // the answer
	Reason  Reason         // the rule that decides; see there which fields it fills

	// Path is the index in Input.Paths of the path that decides, and At the index
	// in it of the certificate that does: the anchor, or what is distrusted. Both are
	// -1 when there is none.
	Path, At int
	Entry    Entry // what the table has of that certificate; zero when nothing

	Since   time.Time // the date of the rule; zero when it has none
	Until   time.Time // until when it is accepted; zero when the program sets no end before the leaf's
	Version string    // the browser's version in the rule
	DNSName string    // the name of the leaf that is not permitted; not to be printed unquoted

	// LastIssue is the newest date for which the anchor accepts a certificate issued
	// anew, however the rule measures it (notBefore, SCTs); zero when the program
	// sets no end. A certificate that is accepted and whose LastIssue lies before
	// now cannot be renewed under the same root.
	LastIssue time.Time

	Missing []Entry // for AnchorNotGiven: the anchors that may have issued what was seen

	Table Table // whose date and sources the answer is from; zero when there is none
}

// Old reports whether the answer is from a table that is told to be old: see [WarnAge].
func (j Judgement) Old(at time.Time) bool { return j.Status != CannotTell && j.Table.Old(at) }

// rank orders answers of several paths: the path that is accepted best decides,
// and what is not known never gives way to a no.
var rank = [...]int{Accepted: 0, AcceptedUntil: 1, DependsOnSCTs: 2, CannotTell: 3, Refused: 4}

// Better reports whether j is the better answer of two about paths of the same
// certificate: an earlier one of accepted, accepted until (the later end first),
// depends on SCTs, cannot tell, refused. Of two refusals the one with a rule tells
// more than the one that no anchor was found.
func (j Judgement) Better(k Judgement) bool {
	if a, b := rank[j.Status], rank[k.Status]; a != b {
		return a < b
	}
	switch j.Status {
	case AcceptedUntil:
		return j.Until.After(k.Until)
	case Refused:
		return j.Reason != NotIncluded && k.Reason == NotIncluded
	}
	return j.LastIssue.IsZero() && !k.LastIssue.IsZero() || !k.LastIssue.IsZero() && j.LastIssue.After(k.LastIssue)
}
