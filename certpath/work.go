package certpath

import (
	"bytes"
	"context"
	"strconv"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// worker carries what the judging of one call shares between paths: the
// options, the remaining budget, and what was found out already.
type worker struct {
	ctx context.Context
	o   *Options

	signatures, steps, paths int // what is left
	limits                   Budget
	spent                    *finding.Finding // the bound that was hit, nil for none

	edges []edge
	names []constrainer
}

// edge is a signature that was checked.
type edge struct {
	child *cert.Certificate
	key   []byte // the issuer's SubjectPublicKeyInfo
	err   error
}

func newWorker(ctx context.Context, o *Options) *worker {
	l := o.Budget
	if l.Signatures == 0 {
		l.Signatures = defaultSignatures
	}
	if l.Steps == 0 {
		l.Steps = defaultSteps
	}
	if l.Paths == 0 {
		l.Paths = defaultPaths
	}
	return &worker{ctx: ctx, o: o, limits: l, signatures: l.Signatures, steps: l.Steps, paths: l.Paths}
}

func (w *worker) exhaust(what string, limit int) {
	if w.spent == nil {
		f := finding.New(finding.BudgetPaths, "what", what, "limit", strconv.Itoa(limit))
		w.spent = &f
	}
}

// step takes n steps from the budget; false means that there are none left or
// that the context has ended.
func (w *worker) step(n int) bool {
	if w.spent != nil {
		return false
	}
	before := w.steps
	w.steps -= n
	if w.steps < 0 {
		w.exhaust("steps", w.limits.Steps)
		return false
	}
	if before>>8 != w.steps>>8 {
		return w.alive()
	}
	return true
}

// alive looks at the context.
func (w *worker) alive() bool {
	if err := w.ctx.Err(); err != nil {
		if w.spent == nil {
			f := finding.New(finding.BudgetPaths, "what", "time", "limit", "the allowed", "detail", err.Error())
			w.spent = &f
		}
		return false
	}
	return w.spent == nil
}

// errBudget means that a signature was not checked for want of budget.
type errBudget struct{}

func (errBudget) Error() string { return "the budget of signatures is used up" }

// signature checks child's signature with the key of issuer, once for each
// pair of certificate and key.
func (w *worker) signature(child, issuer *cert.Certificate) error {
	if w.o.Signed {
		return nil
	}
	for i := range w.edges {
		if e := &w.edges[i]; e.child == child && bytes.Equal(e.key, issuer.RawSPKI) {
			return e.err
		}
	}
	if !w.alive() {
		return errBudget{}
	}
	if w.signatures <= 0 {
		w.exhaust("signature verifications", w.limits.Signatures)
		return errBudget{}
	}
	w.signatures -= cost(issuer.Key) + len(child.RawTBS)>>16
	err := child.VerifySignatureFrom(w.o.Memo, issuer.Key)
	w.edges = append(w.edges, edge{child, issuer.RawSPKI, err})
	return err
}

// cost estimates a verification in units of one by P-256, from the figures in
// docs: RSA grows with the square of its size.
func cost(k *cert.PublicKey) int {
	if k == nil {
		return 1
	}
	switch k.Curve {
	case "P-224":
		return 2
	case "P-384":
		return 9
	case "P-521":
		return 20
	}
	if k.Curve == "" && k.Bits > 2048 {
		return max(1, k.Bits/1024*(k.Bits/1024)/4)
	}
	return 1
}
