package engine

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/sig/known"
)

// tablesFailed refuses a judgement during which the tables of known keys and
// crypto/ecdsa disagreed about some signature, of this judgement or another: what
// tables accepted may be false then. Judgements that begin later have crypto/ecdsa alone.
func (j *judgement) tablesFailed() []finding.Finding {
	if !j.tables || !known.Broken() {
		return nil
	}
	return []finding.Finding{finding.New(finding.InternalError, "what", "signatures",
		"detail", "the tables for known keys and crypto/ecdsa disagree about a signature; from now on crypto/ecdsa alone verifies")}
}

// TablesFailed reports whether judgements of this engine before now used tables of
// known keys that proved wrong: none of them is to be relied on.
func (e *Engine) TablesFailed() bool { return e.opt.KnownKeyTables && known.Broken() }
