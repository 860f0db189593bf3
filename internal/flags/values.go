package flags

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/policy"
)

// The types of flag values. Each refuses what it does not understand with a
// message that says what it wants; pflag adds the flag's name and the value.

type text string

func (v *text) String() string     { return string(*v) }
func (v *text) Type() string       { return "string" }
func (v *text) Set(s string) error { *v = text(s); return nil }

// once is a text that is given once: of several the user would not know which counts.
type once struct {
	to  *string
	set bool
}

func (v *once) String() string { return *v.to }
func (v *once) Type() string   { return "string" }
func (v *once) Set(s string) error {
	if v.set {
		return errors.New("it is given twice, and one is used")
	}
	*v.to, v.set = s, true
	return nil
}

type toggle bool

func (v *toggle) String() string { return strconv.FormatBool(bool(*v)) }
func (v *toggle) Type() string   { return "bool" }
func (v *toggle) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("must be true or false")
	}
	*v = toggle(b)
	return nil
}

// word is one of a few words.
type word struct {
	to    *string
	known []string
}

func (v *word) String() string                  { return *v.to }
func (v *word) Type() string                    { return "WORD" }
func (v *word) words() ([]string, bool, string) { return v.known, false, "" }
func (v *word) Set(s string) error {
	if !slices.Contains(v.known, s) {
		return fmt.Errorf("must be one of %s", strings.Join(v.known, ", "))
	}
	*v.to = s
	return nil
}

// onOff is a switch whose default is on.
type onOff bool

var onOffWords = []string{"on", "off"}

func (v *onOff) String() string {
	if *v {
		return onOffWords[0]
	}
	return onOffWords[1]
}
func (v *onOff) Type() string                    { return "WORD" }
func (v *onOff) words() ([]string, bool, string) { return onOffWords, false, "" }
func (v *onOff) Set(s string) error {
	i := slices.Index(onOffWords, s)
	if i < 0 {
		return fmt.Errorf("must be one of %s", strings.Join(onOffWords, ", "))
	}
	*v = i == 0
	return nil
}

type duration time.Duration

func (v *duration) String() string {
	if *v == 0 {
		return ""
	}
	return policy.FormatDuration(time.Duration(*v))
}
func (v *duration) Type() string { return "DURATION" }
func (v *duration) Set(s string) error {
	d, err := policy.ParseDuration(s)
	if err == nil {
		*v = duration(d)
	}
	return err
}

// size is a positive number of octets, with a unit or without.
type size int64

func (v *size) String() string {
	switch n := int64(*v); {
	case n == 0:
		return ""
	case n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	default:
		return strconv.FormatInt(n, 10)
	}
}
func (v *size) Type() string { return "SIZE" }
func (v *size) Set(s string) error {
	units := []struct {
		suffix string
		factor int64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
		{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
	}
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n == 0 || int64(n) > math.MaxInt64/u.factor {
			break
		}
		*v = size(int64(n) * u.factor)
		return nil
	}
	return errors.New("must be a size like 4096, 500kB or 64MiB")
}

// Kind says what the values of a list are.
type Kind struct {
	Type   string             // what a value looks like in the help
	Commas bool               // values may also be joined by commas
	Empty  bool               // "" alone means none at all: the list is empty and not nil
	Check  func(string) error // looks at each value; nil takes all
	Words  []string           // what completions offer; nil: nothing
}

type list struct {
	to   *[]string
	kind Kind
}

func (v *list) String() string                  { return strings.Join(*v.to, ",") }
func (v *list) Type() string                    { return v.kind.Type }
func (v *list) words() ([]string, bool, string) { return v.kind.Words, v.kind.Commas, "" }
func (v *list) Set(s string) error {
	if s == "" && v.kind.Empty {
		*v.to = []string{}
		return nil
	}
	parts := []string{s}
	if v.kind.Commas {
		parts = strings.Split(s, ",")
	}
	for _, p := range parts {
		if p == "" {
			return errors.New("must not be empty")
		}
		if v.kind.Check != nil {
			if err := v.kind.Check(p); err != nil {
				return err
			}
		}
	}
	*v.to = append(*v.to, parts...)
	return nil
}

// rule is the value of a field of policy's table in a policy.
type rule struct {
	field policy.Field
	p     *policy.Policy
}

func (v *rule) String() string {
	if v.p == nil { // pflag makes one to compare with
		return ""
	}
	return strings.Join(v.field.Get(*v.p), ",")
}
func (v *rule) Type() string {
	if v.field.Value == "" {
		return "bool"
	}
	return v.field.Value
}
func (v *rule) Set(s string) error              { return v.field.Set(v.p, s) }
func (v *rule) words() ([]string, bool, string) { return v.field.Words, v.field.List, v.field.Alone }
