package engine

import (
	"context"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/dane"
	"github.com/assaytls/assay/report"
)

// dane compares the chain with the TLSA records in the evidence; nil where there
// are none. Whatever comes of it, the path is judged as without it.
func (j *judgement) dane(last *round) (*report.DANE, []finding.Finding) {
	if j.ev.DNS == nil {
		return nil, nil
	}
	in := dane.Input{DNS: j.ev.DNS, Sent: j.sent, Options: last.opt, Names: assemble.Names(j.p, j.ev.Target),
		SMTP: j.ev.Target.Port == "25" || j.ev.DNS.Service != nil && j.ev.DNS.Service.Type == "MX"}
	if last.chosen < len(last.paths) {
		p := &last.paths[last.chosen]
		in.Accepted = p.End == report.EndAnchor && p.Worst() < finding.Error
	}
	for i := range last.paths {
		p := &last.paths[i]
		if in.Accepted && (p.End != report.EndAnchor || p.Worst() >= finding.Error) {
			continue
		}
		certs := make([]*cert.Certificate, len(p.Certs))
		for k := range p.Certs {
			certs[k] = p.Certs[k].Certificate
		}
		in.Paths = append(in.Paths, certs)
	}
	return dane.Judge(context.Background(), in)
}
