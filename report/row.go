package report

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// RowVersion is the version of a row's JSON form. Additions keep it; a change
// of meaning raises it.
const RowVersion = 1

// MaxRow bounds the octets of a row's JSON form, whatever the report has.
const MaxRow = 1023

// Row is a report in one line of a table about many targets: what came of it,
// why, until when the certificate holds, and by what it can be joined with
// other tables. schema.json describes its JSON form as $defs/row.
//
// Its texts have gone through [finding.Quote] and are cut where they are long.
// A Row is plain data and shares nothing with the report. The zero Row is
// inconclusive.
type Row struct {
	Version int       `json:"version"`       // of the JSON form: the constant RowVersion
	Target  string    `json:"target"`        // who was judged: "example.com:443"
	Time    time.Time `json:"time,omitzero"` // the moment judged for, UTC, to the second
	Verdict Verdict   `json:"verdict"`       // the report's

	Headline     finding.ID `json:"headline,omitempty"`      // kind of the root cause; "" when there is nothing to say
	HeadlineRole Role       `json:"headline_role,omitempty"` // of the certificate it hangs on; "" when on none
	Title        string     `json:"title,omitempty"`         // the root cause in words

	// The kinds of the findings that count, by severity, each once. Where there
	// are too many the mildest are left out, and More says how many kinds.
	Errors       []finding.ID `json:"error,omitempty"`
	Inconclusive []finding.ID `json:"inconclusive,omitempty"`
	Warnings     []finding.ID `json:"warning,omitempty"`
	Infos        []finding.ID `json:"info,omitempty"`
	More         int          `json:"more,omitempty"`

	NotAfter time.Time `json:"not_after,omitzero"` // until when the leaf holds, UTC
	Days     *int      `json:"days,omitempty"`     // whole days from Time to NotAfter, rounded down: negative when it has expired; nil when either is unknown

	Leaf   Hash `json:"leaf,omitzero"`   // SHA-256 of the leaf
	SPKI   Hash `json:"spki,omitzero"`   // SHA-256 of the leaf's SubjectPublicKeyInfo, as in RFC 7469's pins
	Issuer Hash `json:"issuer,omitzero"` // SHA-256 of the certificate above the leaf on the chosen path

	// Revocation has the statuses on the chosen path, the leaf first, without
	// the anchor; of more than five certificates the fifth status is the worst
	// of the rest.
	Revocation []Status `json:"revocation,omitempty"`

	Programs RowPrograms `json:"programs,omitzero"` // the answers of root programs; empty when none was asked

	CT       CTStatus `json:"ct,omitempty"`       // what became of Certificate Transparency
	Protocol string   `json:"protocol,omitempty"` // "TLS 1.3"; "" without a handshake
	Policy   Hash     `json:"policy,omitzero"`    // SHA-256 of the policy in force
}

// RowPrograms has the answer of each root program; "" of those that were not asked.
type RowPrograms struct {
	System    RowProgram `json:"system,omitempty"`    // the roots of this computer, or those in their place
	Mozilla   RowProgram `json:"mozilla,omitempty"`   // Firefox
	Chrome    RowProgram `json:"chrome,omitempty"`    // the Chrome Root Store
	Apple     RowProgram `json:"apple,omitempty"`     // macOS and iOS
	Microsoft RowProgram `json:"microsoft,omitempty"` // Windows
	Android   RowProgram `json:"android,omitempty"`   // the Android Open Source Project
}

// RowProgram is a root program's answer in few octets. The empty one says that the
// program was not asked.
type RowProgram string

// The answers: see ProgramStatus.
const (
	RowAccepted      RowProgram = "yes"    // accepted
	RowAcceptedUntil RowProgram = "until"  // accepted, for less long than the certificate holds
	RowDependsOnSCTs RowProgram = "scts"   // depends on SCTs that were not verified
	RowRefused       RowProgram = "no"     // refused
	RowCannotTell    RowProgram = "unsure" // cannot tell
)

// short is s as rows have it.
func (s ProgramStatus) short() RowProgram {
	switch s {
	case ProgramAccepted:
		return RowAccepted
	case ProgramAcceptedUntil:
		return RowAcceptedUntil
	case ProgramDependsOnSCTs:
		return RowDependsOnSCTs
	case ProgramRefused:
		return RowRefused
	}
	return RowCannotTell
}

// of returns where the answer of p is, nil when p is no program.
func (a *RowPrograms) of(p policy.Program) *RowProgram {
	switch p {
	case policy.ProgramSystem:
		return &a.System
	case policy.ProgramMozilla:
		return &a.Mozilla
	case policy.ProgramChrome:
		return &a.Chrome
	case policy.ProgramApple:
		return &a.Apple
	case policy.ProgramMicrosoft:
		return &a.Microsoft
	case policy.ProgramAndroid:
		return &a.Android
	}
	return nil
}

// CTStatus says what became of Certificate Transparency. The empty one says
// that it was not looked at.
type CTStatus string

// The statuses of Certificate Transparency.
const (
	CTMet          CTStatus = "met"           // the policy asked for is met
	CTNotMet       CTStatus = "not-met"       // it is not
	CTNotEvaluated CTStatus = "not-evaluated" // SCTs were looked at, and no policy was applied
)

// Hash is a SHA-256. Its text is base64 (RFC 4648, section 4) with padding, 44
// octets. The zero Hash means that there is none.
type Hash [32]byte

// MarshalText returns the hash in base64.
func (h Hash) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, h[:]), nil
}

// UnmarshalText reads what MarshalText wrote, and nothing else.
func (h *Hash) UnmarshalText(b []byte) error {
	got, err := base64.StdEncoding.Strict().DecodeString(string(b))
	if err != nil || len(got) != len(h) || len(b) != 44 {
		return errors.New("a SHA-256 in base64 has 44 characters")
	}
	*h = Hash(got)
	return nil
}

// String returns the hash in base64.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// hexHash reads a hash from the report's form; what is none becomes the zero
// Hash.
func hexHash(s string) (h Hash) {
	if len(s) != hex.EncodedLen(len(h)) {
		return Hash{}
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}
	}
	return h
}

// The most octets of a row's texts in JSON.
const (
	maxRowTarget   = 270 // a host name has 253 at most
	maxRowTitle    = 120
	maxRowID       = 40
	maxRowProtocol = 16
	maxRowStatuses = 5
)

// Row returns r in one line.
func (r *Report) Row() Row {
	row := Row{
		Version: RowVersion, Target: clip(targetName(r.Target), maxRowTarget), Verdict: r.Verdict.known(),
		Policy: hexHash(r.PolicyHash), CT: r.ctStatus(), Revocation: r.statuses(),
	}
	for _, p := range r.Programs {
		if to := row.Programs.of(p.Program); to != nil {
			*to = p.Status.short()
		}
	}
	row.Time = second(r.Time)
	if r.Connection != nil {
		row.Protocol = clip(finding.Quote(r.Connection.Version), maxRowProtocol)
	}
	if c := r.certAt(0); c != nil {
		row.Leaf, row.SPKI, row.NotAfter = hexHash(c.SHA256), hexHash(c.SPKISHA256), second(c.NotAfter)
		row.Days = daysBetween(row.Time, row.NotAfter)
	}
	if c := r.certAt(1); c != nil {
		row.Issuer = hexHash(c.SHA256)
	}
	if h := r.Headline; h != nil {
		row.Headline = rowID(h.Finding.ID)
		if h.Path >= 0 && h.Path < len(r.Paths) && h.Cert >= 0 && h.Cert < len(r.Paths[h.Path].Certs) {
			row.HeadlineRole = r.Paths[h.Path].Certs[h.Cert].Role.known()
		}
	}
	var own [MaxRow]byte
	room := MaxRow - len(row.AppendJSON(own[:0])) - len(`,"title":"","more":1000000000`)
	if h := r.Headline; h != nil {
		row.Title = clip(h.Finding.Title(), min(maxRowTitle, room/2))
		room -= textLen(row.Title)
	}
	row.addFindings(r, room)
	return row
}

const daySeconds = 24 * 3600

// daysBetween is how many whole days to is after from, rounded down; nil when
// either is not known.
func daysBetween(from, to time.Time) *int {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	days := int((to.Unix() - from.Unix()) / daySeconds)
	if to.Unix()-from.Unix() < int64(days)*daySeconds {
		days-- // Go rounds towards zero
	}
	return &days
}

// Age fills in how much of the certificate's life is left at now.
func (c *Cert) Age(now time.Time) {
	c.DaysLeft, c.LifeLeft = daysBetween(now, c.NotAfter), nil
	if share, ok := c.share(now); ok {
		c.LifeLeft = &share
	}
}

// addFindings lists the kinds of the findings that count, the worst first, as
// far as they fit into so many octets.
func (row *Row) addFindings(r *Report, room int) {
	for _, f := range r.Counted() {
		if list, id := row.list(f.Severity), rowID(f.ID); !slices.Contains(*list, id) {
			*list = append(*list, id)
		}
	}
	for s := finding.Error; s >= finding.Info; s-- {
		list, fit := row.list(s), 0
		for _, id := range *list {
			cost := textLen(string(id)) + len(`"",`)
			if fit == 0 {
				cost += len(`,"":[]`) + len(s.String())
			}
			if cost > room {
				room = 0 // what is milder does not stand in for what is worse
				break
			}
			room -= cost
			fit++
		}
		row.More += len(*list) - fit
		if *list = slices.Clip((*list)[:fit]); fit == 0 {
			*list = nil
		}
	}
}

// list is the row's list of the findings of a severity.
func (row *Row) list(s finding.Severity) *[]finding.ID {
	switch s {
	case finding.Info:
		return &row.Infos
	case finding.Warning:
		return &row.Warnings
	case finding.Inconclusive:
		return &row.Inconclusive
	}
	return &row.Errors
}

// certAt returns the i-th certificate of the chosen path, or without one of
// what was sent; nil when there is none.
func (r *Report) certAt(i int) *Cert {
	at := -1
	if r.Chosen >= 0 && r.Chosen < len(r.Paths) {
		if p := r.Paths[r.Chosen]; i < len(p.Certs) {
			at = p.Certs[i].Cert
		}
	} else if i == 0 && len(r.Sent) > 0 {
		at = r.Sent[0]
	}
	if at < 0 || at >= len(r.Certs) {
		return nil
	}
	return &r.Certs[at]
}

// statuses are the revocation statuses on the chosen path. A certificate that
// was not looked at is unknown.
func (r *Report) statuses() (all []Status) {
	if r.Chosen < 0 || r.Chosen >= len(r.Paths) {
		return nil
	}
	for _, c := range r.Paths[r.Chosen].Certs {
		if c.Role == Anchor {
			continue
		}
		s := Unknown
		if c.Revocation != nil && slices.Contains(badness, c.Revocation.Status) {
			s = c.Revocation.Status
		}
		if len(all) < maxRowStatuses {
			all = append(all, s)
			continue
		}
		last := &all[maxRowStatuses-1]
		if slices.Index(badness, s) > slices.Index(badness, *last) {
			*last = s
		}
	}
	return all
}

// badness has the statuses, the worst last.
var badness = []Status{NotApplicable, Good, Unknown, Revoked}

func (r *Report) ctStatus() CTStatus {
	switch {
	case r.CT == nil || r.CT.Policy == policy.CTOff:
		return ""
	case r.CT.Met == nil:
		return CTNotEvaluated
	case *r.CT.Met:
		return CTMet
	}
	return CTNotMet
}

// known returns r, or "" when r is none of the roles.
func (r Role) known() Role {
	if r == Leaf || r == Intermediate || r == Anchor {
		return r
	}
	return ""
}

// rowID is an ID as a row has it; only those of applications can be long.
func rowID(id finding.ID) finding.ID { return finding.ID(clip(finding.Quote(string(id)), maxRowID)) }

// second is t in UTC to the second; a year that RFC 3339 cannot write is left
// out.
func second(t time.Time) time.Time {
	if t.IsZero() || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// clip cuts s so that it takes at most n octets in JSON, without the quotes.
func clip(s string, n int) string {
	const mark = "…"
	if textLen(s) <= n {
		return s
	}
	room, end := n-len(mark), 0
	for i, c := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if room -= charLen(c, size); room < 0 {
			break
		}
		end = i + size
	}
	if n < len(mark) {
		return ""
	}
	return s[:end] + mark
}
