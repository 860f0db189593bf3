package ct

import "github.com/assaytls/assay/cert"

func parsed(ders ...[]byte) (out []*cert.Certificate) {
	for _, d := range ders {
		out = append(out, cert.Parse(d))
	}
	return out
}
