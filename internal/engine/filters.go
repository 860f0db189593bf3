package engine

import (
	"fmt"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/policy"
)

// filtersHash names the filters that are asked, hex; "" when there are none.
func (j *judgement) filtersHash() string {
	if j.filters == nil {
		return ""
	}
	return fmt.Sprintf("%x", j.filters.Hash())
}

// stamps are the SCTs of a path's certificates by which CRLite filters may be
// chosen: those inside the certificates, which their issuers vouch for, and of
// those that the server sent beside them the ones that a known log signed. An
// unverified one would let a server choose a filter that does not know the
// revocation.
func (r *round) stamps(path certpath.Path, scts pathSCTs) [][]crlite.SCT {
	if r.filters == nil || len(r.filters.Filters) == 0 {
		return nil
	}
	out := make([][]crlite.SCT, len(path.Certs))
	for k := range scts.embedded {
		l := &scts.embedded[k]
		for _, s := range l.SCTs() {
			out[l.Cert] = append(out[l.Cert], crlite.SCT{Log: s.LogID, Time: s.Timestamp})
		}
	}
	if len(scts.delivered) > 0 && r.t.LogList != nil {
		res := ct.CheckSCTs(ct.Input{Path: path.Certs, Embedded: []ct.SCTList{}, Delivered: scts.delivered, List: r.t.LogList, Policy: policy.CTReport, Time: r.now, Memo: r.e.memo, Brief: true})
		res.Valid(func(cert int, s ct.SCT) bool {
			out[cert] = append(out[cert], crlite.SCT{Log: s.LogID, Time: s.Timestamp})
			return true
		})
	}
	return out
}
