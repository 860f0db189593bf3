package certpath

import (
	"strconv"
	"strings"

	"github.com/assaytls/assay/finding"
)

// statusRequest is the TLS extension whose number in a TLS feature extension
// means must-staple (RFC 7633, 6).
const statusRequest = 5

// features wants every certificate to have the TLS features of its issuer (RFC
// 7633, 4.2.2). An anchor is a name and a key: its extension binds nobody.
func (j *judgement) features() {
	for i := range len(j.chain) - 1 {
		if j.isAnchor(i + 1) {
			return
		}
		wanted := j.chain[i+1].TLSFeatures
		if len(wanted) == 0 {
			continue
		}
		has := make(map[int]bool, len(j.chain[i].TLSFeatures)) // both may have tens of thousands
		for _, f := range j.chain[i].TLSFeatures {
			has[f] = true
		}
		var lost []string
		for _, f := range wanted {
			if len(lost) < maxLost && !has[f] {
				name := strconv.Itoa(f)
				if f == statusRequest {
					name += " (must-staple)"
				}
				lost = append(lost, name)
			}
		}
		if lost != nil {
			j.add(i, finding.New(finding.TLSFeatureNotInherited, "feature", strings.Join(lost, ", ")))
		}
	}
}

// maxLost bounds the features that are told.
const maxLost = 16
