package policy

import (
	"errors"
	"fmt"
	"time"

	"github.com/assaytls/assay/finding"
)

// The bounds of rules that are numbers.
const (
	MaxSkew  = 24 * time.Hour // lists and answers live for days, and a skew prolongs that
	LeastRSA = 512            // a smaller bound would say that RSA keys are not looked at
	MostRSA  = 16384
	MostPath = 100 // certificates between leaf and anchor
)

// Validate reports what is wrong with p before anything is judged by it. The
// names are looked at when they are read (certpath.ParseIdentifier).
func (p Policy) Validate() error {
	if _, err := ParsePurpose(p.Purpose.String()); err != nil {
		return fmt.Errorf("purpose: %w", err)
	}
	for _, v := range []struct {
		what string
		ok   bool
	}{
		{"trust", int(p.Trust) < len(programWords)},
		{"programs", p.Programs <= EveryProgram},
		{"security level", int(p.SecurityLevel) < len(levelWords)},
		{"revocation schemes", p.Schemes.valid()},
		{"revocation stop", int(p.Stop) < len(stopWords)},
		{"revocation depth", int(p.Depth) < len(depthWords)},
		{"unknown", int(p.Unknown) < len(unknownWords)},
		{"stale", int(p.Stale) < len(staleWords)},
		{"ct", int(p.CT) < len(ctWords)},
		{"ct depth", int(p.CTDepth) < len(ctDepthWords)},
	} {
		if !v.ok {
			return fmt.Errorf("%s: the value has no meaning", v.what)
		}
	}
	for _, oid := range p.Policies {
		if err := CheckOID(oid); err != nil {
			return fmt.Errorf("certificate policy: %w", err)
		}
	}
	switch {
	case (p.Trust != ProgramSystem || p.Programs != 0) && Purpose(p.Purpose.String()) != Purpose(serverWord):
		return errors.New("root programs are asked about TLS servers, and the purpose is another")
	case p.MinRSA != 0 && (p.MinRSA < LeastRSA || p.MinRSA > MostRSA):
		return fmt.Errorf("the smallest RSA key is %d to %d bits, not %d", LeastRSA, MostRSA, p.MinRSA)
	case p.MaxDepth < NoIntermediates || p.MaxDepth > MostPath:
		return fmt.Errorf("a path has at most %d certificates between leaf and anchor, not %d", MostPath, p.MaxDepth)
	case !p.ExpiresWithin.valid():
		return fmt.Errorf("expires within: %w", errMargin)
	case p.MaxAge < 0:
		return errors.New("the greatest age is negative")
	case p.Skew < 0 || p.Skew > MaxSkew:
		return fmt.Errorf("a clock skew of %s is not 0 to %s", p.Skew, MaxSkew)
	case p.NoName && len(p.Names)+len(p.RequireDNS)+len(p.RequireIP)+len(p.RequireEmail) > 0:
		return errors.New("no name is to be compared, and names are required")
	}
	return validateAllow(p.Allow)
}

// validateAllow wants kinds that may be waived: those which assay adds to what
// crypto/tls verifies, and which are neither revocations nor budgets.
func validateAllow(ids []finding.ID) error {
	for _, id := range ids {
		k, known := finding.Lookup(id)
		switch {
		case !known:
			return fmt.Errorf("allow: there is no finding %q", string(id))
		case k.Severity < finding.Inconclusive:
			return fmt.Errorf("allow: %s refuses nothing: there is nothing to waive", id)
		case !k.Allowable:
			return fmt.Errorf("allow: %s cannot be waived: %s", id, whyNot(k))
		}
	}
	return nil
}

func whyNot(k finding.Kind) string {
	switch k.Class {
	case finding.ClassPath, finding.ClassName:
		return "without a valid chain and name nobody knows who the peer is"
	case finding.ClassEncoding:
		return "what cannot be read by the rules cannot be judged"
	case finding.ClassRevocation:
		return "revocations and the defects of revocation data always count"
	case finding.ClassRevocationUnavailable:
		return "what an unknown status means is said by a policy of its own (unknown: allow, warn, deny)"
	case finding.ClassBudget:
		return "limits protect against hostile peers"
	case finding.ClassProgram:
		return "who names a root program is asked for its rules as they are"
	case finding.ClassConnection:
		return "there is no connection that could be used"
	}
	return "the connection could not be relied on"
}
