package policy

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// The types whose values have words. A value is the index of its word, so that
// the first word is the zero.

// word returns the word of v, and for what is no value of its type a text that
// no parser takes.
func word[E ~uint8](words []string, v E) string {
	if int(v) < len(words) {
		return words[v]
	}
	return "(" + strconv.Itoa(int(v)) + ")"
}

// parse returns the value whose word is s.
func parse[E ~uint8](words []string, s string) (E, error) {
	for i, w := range words {
		if w == s {
			return E(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not one of %s", s, strings.Join(words, ", "))
}

// all returns every value.
func all[E ~uint8](words []string) []E {
	vs := make([]E, len(words))
	for i := range vs {
		vs[i] = E(i)
	}
	return vs
}

// marshal returns the word of v, for encoding.TextMarshaler.
func marshal[E ~uint8](words []string, v E) ([]byte, error) {
	if int(v) >= len(words) {
		return nil, fmt.Errorf("%d has no word among %s", v, strings.Join(words, ", "))
	}
	return []byte(words[v]), nil
}

// unmarshal sets v to the value of a word, for encoding.TextUnmarshaler.
func unmarshal[E ~uint8](words []string, v *E, b []byte) error {
	e, err := parse[E](words, string(b))
	if err == nil {
		*v = e
	}
	return err
}

// Unknown says what a revocation status weighs for which no source could be
// asked: findings of the class revocation-unavailable. Nothing else is re-graded
// by it. The zero leaves them inconclusive, so that nothing is accepted.
type Unknown uint8

// The choices.
const (
	UnknownInconclusive Unknown = iota // the verdict is inconclusive
	UnknownAllow                       // accepted in silence
	UnknownWarn                        // accepted with a warning
	UnknownDeny                        // refused
)

var unknownWords = []string{"inconclusive", "allow", "warn", "deny"}

// ParseUnknown reads a word of Unknown.
func ParseUnknown(s string) (Unknown, error) { return parse[Unknown](unknownWords, s) }

// AllUnknown lists the choices.
func AllUnknown() []Unknown { return all[Unknown](unknownWords) }

// String returns the choice's word.
func (u Unknown) String() string { return word(unknownWords, u) }

// MarshalText returns the choice's word.
func (u Unknown) MarshalText() ([]byte, error) { return marshal(unknownWords, u) }

// UnmarshalText reads a word.
func (u *Unknown) UnmarshalText(b []byte) error { return unmarshal(unknownWords, u, b) }

// Soft reports whether an unknown status is accepted.
func (u Unknown) Soft() bool { return u == UnknownAllow || u == UnknownWarn }

// Stale says what an authentic answer past its nextUpdate is worth. The zero
// gives it no worth.
type Stale uint8

// The choices.
const (
	StaleDeny  Stale = iota // it says nothing
	StaleAllow              // it counts
	StaleWarn               // it counts, with a warning
)

var staleWords = []string{"deny", "allow", "warn"}

// ParseStale reads a word of Stale.
func ParseStale(s string) (Stale, error) { return parse[Stale](staleWords, s) }

// AllStale lists the choices.
func AllStale() []Stale { return all[Stale](staleWords) }

// String returns the choice's word.
func (s Stale) String() string { return word(staleWords, s) }

// MarshalText returns the choice's word.
func (s Stale) MarshalText() ([]byte, error) { return marshal(staleWords, s) }

// UnmarshalText reads a word.
func (s *Stale) UnmarshalText(b []byte) error { return unmarshal(staleWords, s, b) }

// Depth says whose revocation is checked. The zero means the whole path.
type Depth uint8

// The choices.
const (
	DepthChain Depth = iota // every certificate but the anchor
	DepthLeaf               // the leaf alone
)

var depthWords = []string{"chain", "leaf"}

// ParseDepth reads a word of Depth.
func ParseDepth(s string) (Depth, error) { return parse[Depth](depthWords, s) }

// AllDepth lists the choices.
func AllDepth() []Depth { return all[Depth](depthWords) }

// String returns the choice's word.
func (d Depth) String() string { return word(depthWords, d) }

// MarshalText returns the choice's word.
func (d Depth) MarshalText() ([]byte, error) { return marshal(depthWords, d) }

// UnmarshalText reads a word.
func (d *Depth) UnmarshalText(b []byte) error { return unmarshal(depthWords, d, b) }

// Stop says when no further revocation scheme is asked. The zero asks all: a
// revocation counts whoever tells of it.
type Stop uint8

// The choices.
const (
	StopNever Stop = iota // all schemes are asked
	StopFirst             // the first that answers ends the asking
)

var stopWords = []string{"all", "first"}

// ParseStop reads a word of Stop.
func ParseStop(s string) (Stop, error) { return parse[Stop](stopWords, s) }

// AllStop lists the choices.
func AllStop() []Stop { return all[Stop](stopWords) }

// String returns the choice's word.
func (s Stop) String() string { return word(stopWords, s) }

// MarshalText returns the choice's word.
func (s Stop) MarshalText() ([]byte, error) { return marshal(stopWords, s) }

// UnmarshalText reads a word.
func (s *Stop) UnmarshalText(b []byte) error { return unmarshal(stopWords, s, b) }

// CTMode says what is asked of Certificate Transparency. The zero reports SCTs
// and refuses nothing for want of them: no log list comes with assay, and an old
// one would refuse good servers.
type CTMode uint8

// The choices. All but the first two need a log list.
const (
	CTReport  CTMode = iota // SCTs are shown, and verified with a log list
	CTOff                   // SCTs are not looked at
	CTRequire               // one valid SCT of an accepted log is required
	CTChrome                // Chrome's rules, below publicly trusted anchors
	CTApple                 // Apple's rules, below publicly trusted anchors
)

var ctWords = []string{"report", "off", "require", "chrome", "apple"}

// ParseCTMode reads a word of CTMode; "permissive", OpenSSL's word, is
// CTReport.
func ParseCTMode(s string) (CTMode, error) {
	if s == "permissive" {
		return CTReport, nil
	}
	return parse[CTMode](ctWords, s)
}

// AllCTMode lists the choices.
func AllCTMode() []CTMode { return all[CTMode](ctWords) }

// String returns the choice's word.
func (m CTMode) String() string { return word(ctWords, m) }

// MarshalText returns the choice's word.
func (m CTMode) MarshalText() ([]byte, error) { return marshal(ctWords, m) }

// UnmarshalText reads a word.
func (m *CTMode) UnmarshalText(b []byte) error {
	v, err := ParseCTMode(string(b))
	if err == nil {
		*m = v
	}
	return err
}

// Enforced reports whether m may refuse, which needs a log list.
func (m CTMode) Enforced() bool { return m != CTReport && m != CTOff }

// CTDepth says whose SCTs count in CTRequire. The zero means the leaf's.
type CTDepth uint8

// The choices.
const (
	CTLeaf  CTDepth = iota // the leaf's
	CTChain                // of every certificate but the anchor
)

var ctDepthWords = []string{"leaf", "chain"}

// ParseCTDepth reads a word of CTDepth.
func ParseCTDepth(s string) (CTDepth, error) { return parse[CTDepth](ctDepthWords, s) }

// AllCTDepth lists the choices.
func AllCTDepth() []CTDepth { return all[CTDepth](ctDepthWords) }

// String returns the choice's word.
func (d CTDepth) String() string { return word(ctDepthWords, d) }

// MarshalText returns the choice's word.
func (d CTDepth) MarshalText() ([]byte, error) { return marshal(ctDepthWords, d) }

// UnmarshalText reads a word.
func (d *CTDepth) UnmarshalText(b []byte) error { return unmarshal(ctDepthWords, d, b) }

// SecurityLevel is OpenSSL's security level, 0 to 5, or the zero: assay's own
// default (RSA from 2048 bits, no SHA-1, no MD5).
type SecurityLevel uint8

// The levels.
const (
	LevelDefault SecurityLevel = iota
	Level0                     // no limit
	Level1
	Level2
	Level3
	Level4
	Level5
)

var levelWords = []string{"default", "0", "1", "2", "3", "4", "5"}

// ParseSecurityLevel reads a level.
func ParseSecurityLevel(s string) (SecurityLevel, error) { return parse[SecurityLevel](levelWords, s) }

// AllSecurityLevel lists the levels.
func AllSecurityLevel() []SecurityLevel { return all[SecurityLevel](levelWords) }

// String returns "default" or the level's digit.
func (l SecurityLevel) String() string { return word(levelWords, l) }

// MarshalText returns the level's word.
func (l SecurityLevel) MarshalText() ([]byte, error) { return marshal(levelWords, l) }

// UnmarshalText reads a level.
func (l *SecurityLevel) UnmarshalText(b []byte) error { return unmarshal(levelWords, l, b) }

// Number returns OpenSSL's number of the level; ok is false for the default.
func (l SecurityLevel) Number() (n int, ok bool) { return int(l) - 1, l != LevelDefault }

// levelBits are the bits of security that OpenSSL's levels ask for.
var levelBits = [...]int{0, 80, 112, 128, 192, 256}

// Least returns what the level asks of keys and hashes, beside a smallest RSA
// modulus, minRSA: the bits of a modulus, the bits of security, and whether the
// latter are asked of RSA keys and of hashes too. Under the default policy they are
// asked of other keys alone, and a modulus that is not given, or smaller than
// LeastRSA, is DefaultMinRSA. A level beyond the last one asks for what the last does.
func (l SecurityLevel) Least(minRSA int) (rsa, bits int, all bool) {
	if minRSA < LeastRSA {
		minRSA = 0
	}
	n, ok := l.Number()
	if !ok {
		return cmp.Or(minRSA, DefaultMinRSA), 112, false
	}
	return minRSA, levelBits[min(n, len(levelBits)-1)], true
}
