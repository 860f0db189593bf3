package policy

import (
	"errors"
	"fmt"
	"strings"
)

// Programs is a set of programs. The zero is the empty one.
type Programs uint8

// EveryProgram is the set of all programs.
const EveryProgram Programs = 1<<(ProgramAndroid+1) - 1

const allProgramsWord = "all"

// ProgramsOf returns the set of the programs named. What is none is left out.
func ProgramsOf(programs ...Program) (s Programs) {
	for _, p := range programs {
		if int(p) < len(programWords) {
			s |= 1 << p
		}
	}
	return s
}

// Has reports whether p is in the set.
func (s Programs) Has(p Program) bool { return int(p) < len(programWords) && s&(1<<p) != 0 }

// List returns the programs of the set, the system first.
func (s Programs) List() (out []Program) {
	for _, p := range AllProgram() {
		if s.Has(p) {
			out = append(out, p)
		}
	}
	return out
}

// ParsePrograms reads "all", or programs joined by commas.
func ParsePrograms(s string) (set Programs, err error) {
	if s == allProgramsWord {
		return EveryProgram, nil
	}
	for w := range strings.SplitSeq(s, ",") {
		p, err := ParseProgram(w)
		switch {
		case w == "":
			return 0, errEmpty
		case err != nil:
			return 0, fmt.Errorf("%q is no root program: all, or a list of %s", w, strings.Join(programWords, ","))
		case set.Has(p):
			return 0, fmt.Errorf("%s is named twice", w)
		}
		set |= 1 << p
	}
	return set, nil
}

// String returns "all", or the programs joined by commas; "" for the empty set.
func (s Programs) String() string {
	if s == EveryProgram {
		return allProgramsWord
	}
	var words []string
	for _, p := range s.List() {
		words = append(words, p.String())
	}
	return strings.Join(words, ",")
}

// MarshalText returns what String does.
func (s Programs) MarshalText() ([]byte, error) {
	if s == 0 || s > EveryProgram {
		return nil, errors.New("no set of root programs that has a word")
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what ParsePrograms does.
func (s *Programs) UnmarshalText(b []byte) error {
	v, err := ParsePrograms(string(b))
	if err == nil {
		*s = v
	}
	return err
}
