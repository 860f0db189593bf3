package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scheme is one way to learn of a revocation. The zero is none.
type Scheme uint8

// The schemes, in order of cost.
const (
	Staple Scheme = iota + 1 // the OCSP response in the handshake
	CRLite                   // Mozilla's filters and OneCRL, from a file
	CRL                      // revocation lists
	OCSP                     // responders
)

var schemeWords = []string{"none", "staple", "crlite", "crl", "ocsp"}

// ParseScheme reads a scheme's word.
func ParseScheme(s string) (Scheme, error) {
	v, err := parse[Scheme](schemeWords[1:], s)
	if err != nil {
		return 0, err
	}
	return v + 1, nil
}

// AllScheme lists the schemes, in order of cost.
func AllScheme() []Scheme { return all[Scheme](schemeWords)[1:] }

// String returns the scheme's word.
func (s Scheme) String() string { return word(schemeWords, s) }

// MarshalText returns the scheme's word.
func (s Scheme) MarshalText() ([]byte, error) {
	if s == 0 {
		return nil, errors.New("no scheme has no word")
	}
	return marshal(schemeWords, s)
}

// UnmarshalText reads a scheme's word.
func (s *Scheme) UnmarshalText(b []byte) error {
	v, err := ParseScheme(string(b))
	if err == nil {
		*s = v
	}
	return err
}

// Schemes is a choice of schemes and the order in which they are asked. The zero
// is all of them in order of cost; none at all is Off, which has to be said. Values
// can be compared and are made by [Only] and [ParseSchemes].
//
// The first scheme is in the lowest four bits, the next one above it.
type Schemes uint32

// Off runs no scheme: revocation is not checked.
const Off Schemes = 1<<32 - 1

// Only is the choice of the schemes named, in this order. Without any, and when
// one of them is none, it is the zero: all of them.
func Only(schemes ...Scheme) Schemes {
	var out Schemes
	shift := 0
	for _, s := range schemes {
		switch {
		case s == 0 || int(s) >= len(schemeWords):
			return 0
		case out == 0 || !out.Has(s):
			out |= Schemes(s) << shift
			shift += 4
		}
	}
	return out
}

// List returns the schemes in the order in which they are asked.
func (s Schemes) List() []Scheme {
	switch s {
	case 0:
		return AllScheme()
	case Off:
		return nil
	}
	var out []Scheme
	for ; s != 0; s >>= 4 {
		out = append(out, Scheme(s&15))
	}
	return out
}

// Has reports whether scheme is run.
func (s Schemes) Has(scheme Scheme) bool { return slices.Contains(s.List(), scheme) }

// valid reports whether s is a value that Only or ParseSchemes makes, or Off.
func (s Schemes) valid() bool { return s == 0 || s == Off || Only(s.List()...) == s }

// The words of choices that are no lists.
const (
	allSchemesWord = "all"
	offWord        = "off"
)

// ParseSchemes reads "all", "off", or schemes joined by commas.
func ParseSchemes(s string) (Schemes, error) {
	switch s {
	case allSchemesWord:
		return 0, nil
	case offWord:
		return Off, nil
	}
	var list []Scheme
	for w := range strings.SplitSeq(s, ",") {
		scheme, err := ParseScheme(w)
		if err != nil {
			return 0, fmt.Errorf("%q is not a scheme: off, or a list of %s", w, strings.Join(schemeWords[1:], ","))
		}
		if slices.Contains(list, scheme) {
			return 0, fmt.Errorf("%s is named twice", w)
		}
		list = append(list, scheme)
	}
	return Only(list...), nil
}

// String returns "all", "off", or the schemes joined by commas.
func (s Schemes) String() string {
	switch s {
	case 0:
		return allSchemesWord
	case Off:
		return offWord
	}
	return s.Join(",")
}

// Join returns the words of the schemes that are run, joined by sep.
func (s Schemes) Join(sep string) string {
	var words []string
	for _, one := range s.List() {
		words = append(words, one.String())
	}
	return strings.Join(words, sep)
}

// MarshalText returns what String does.
func (s Schemes) MarshalText() ([]byte, error) {
	if !s.valid() {
		return nil, fmt.Errorf("%#x is no choice of schemes", uint32(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what ParseSchemes does.
func (s *Schemes) UnmarshalText(b []byte) error {
	v, err := ParseSchemes(string(b))
	if err == nil {
		*s = v
	}
	return err
}
