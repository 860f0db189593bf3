package assay

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Stats are a Verifier's counters since New. They only grow. A Verifier and those
// of its [Verifier.With] count together. It marshals to JSON, so that
//
//	expvar.Publish("assay", expvar.Func(func() any { return v.Stats() }))
//
// shows it; a Prometheus or OpenTelemetry collector reads the fields when it is
// asked to collect.
type Stats struct {
	// Judgements are those of handshakes (remembered ones and resumed connections
	// too), of open connections that were judged again, and of Check, Preload, Judge
	// and JudgeConnection. What crypto/tls refuses before assay is
	// asked is no judgement.
	Judgements int64 `json:"judgements"`
	// Warned are the judgements that accepted with a warning, such as a status that
	// could not be had.
	Warned int64 `json:"warned"`
	// Refused are the judgements that did not accept.
	Refused int64 `json:"refused"`
	// Refusals are the same by the class of the headline, every class being there;
	// what Config.Verify adds is of class "policy".
	Refusals map[finding.Class]int64 `json:"refusals"`
	// Remembered are the handshakes that a judgement of an equal one answered.
	Remembered int64 `json:"remembered"`
	// Cached are the lists and answers that a copy in memory or on disk answered.
	Cached int64 `json:"cached"`
	// Downloads are the requests for lists and answers, FailedDownloads those of
	// them that brought none.
	Downloads       int64 `json:"downloads"`
	FailedDownloads int64 `json:"failed_downloads"`
	// Learnt are the revocations that were learnt here, and newer statements about
	// the same certificates.
	Learnt int64 `json:"learnt"`
	// Closed are the connections that are accepted no longer, for a revocation that
	// was learnt after their handshake. Those that assay knows were closed;
	// Config.OnRevoked was told of others.
	Closed int64 `json:"closed"`
	// TablesBuilt are the tables that were made for known keys (Config.KnownKeyTables),
	// TablesAccepted the signatures that they accepted, TablesChecked those of them that
	// crypto/ecdsa was asked about too.
	TablesBuilt    int64 `json:"tables_built"`
	TablesAccepted int64 `json:"tables_accepted"`
	TablesChecked  int64 `json:"tables_checked"`
}

// classes are those of which refusals are counted.
var classes = [...]finding.Class{finding.ClassConnection, finding.ClassEncoding, finding.ClassCertificate, finding.ClassPath, finding.ClassName, finding.ClassRevocation,
	finding.ClassRevocationUnavailable, finding.ClassCT, finding.ClassBudget, finding.ClassPolicy, finding.ClassProgram, finding.ClassInternal}

// counters are what Stats reads.
type counters struct {
	judgements, warned, refused, remembered, closed atomic.Int64

	refusals [len(classes)]atomic.Int64
}

// judged counts a judgement by its report.
func (c *counters) judged(r *report.Report) {
	c.judgements.Add(1)
	switch {
	case r.Verdict != report.Accept:
		c.refused.Add(1)
		c.refusals[classIndex(r)].Add(1)
	case r.Headline != nil && r.Headline.Finding.Severity == finding.Warning:
		c.warned.Add(1)
	}
}

// classIndex is the place of the class of r's headline. The last class is that of
// reports without one.
func classIndex(r *report.Report) int {
	if r.Headline == nil {
		return len(classes) - 1
	}
	class := r.Headline.Finding.Kind().Class
	if strings.HasPrefix(string(r.Headline.Finding.ID), "x-") {
		class = finding.ClassPolicy
	}
	if i := slices.Index(classes[:], class); i >= 0 {
		return i
	}
	return len(classes) - 1
}

// Stats returns the counters. Reading them takes no lock, so counters of one moment
// may differ by judgements under way.
func (v *Verifier) Stats() Stats {
	s := Stats{Refusals: make(map[finding.Class]int64, len(classes))}
	if v.core == nil {
		return s
	}
	c := &v.counters
	s.Judgements, s.Warned, s.Refused = c.judgements.Load(), c.warned.Load(), c.refused.Load()
	s.Remembered, s.Closed = c.remembered.Load(), c.closed.Load()
	for i, class := range classes {
		s.Refusals[class] = c.refusals[i].Load()
	}
	n := v.engine.Counts()
	s.Cached, s.Downloads, s.FailedDownloads, s.Learnt = n.Cached, n.Downloads, n.Failed, n.Learnt
	s.TablesBuilt, s.TablesAccepted, s.TablesChecked = n.TablesBuilt, n.TablesAccepted, n.TablesChecked
	return s
}
