package revocation

import "github.com/assaytls/assay/policy"

// files is what became of the lists and responses that the user gave: for
// each why it gave no answer so far, "" once it did.
type files struct {
	lists, responses []string
}

func newFiles(in *Input) *files {
	f := &files{make([]string, len(in.Offered)), make([]string, len(in.OfferedOCSP))}
	fill := func(whys []string, scheme policy.Scheme) {
		why := "no certificate that was asked about is of its issuer"
		if !in.Policy.Schemes.Has(scheme) {
			why = "the scheme " + scheme.String() + " was not asked for"
		}
		for n := range whys {
			whys[n] = why
			if scheme == policy.OCSP && n >= maxOffered {
				whys[n] = "there are too many"
			}
		}
	}
	fill(f.lists, policy.CRL)
	fill(f.responses, policy.OCSP)
	return f
}

// note says whether a file answered, and why not.
func (f *files) note(file *string, answered bool, why string) {
	switch {
	case answered:
		*file = ""
	case *file != "" && why != "":
		*file = why
	}
}

// fileAt is the place of the n-th list from a file among the places of sources:
// artefacts count up from 0, files down from -1.
func fileAt(n int) int { return -1 - n }

// noteUse notes what the list at a place was good for.
func (s *inquiry) noteUse(at int, u Use, why string) {
	if at >= 0 {
		s.used[at].Add(u)
		return
	}
	s.files.note(&s.files.lists[-1-at], u.Outcome >= Answered, why)
}
