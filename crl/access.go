package crl

import (
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
)

// maxIssuers bounds the addresses that one list names for its signer.
const maxIssuers = 4

// CAIssuers returns the addresses of the list's authority information access
// where the certificate of its signer can be had (RFC 5280, 5.2.7), those of http
// and https, at most four. They are the word of whoever made the list: its
// signature is not looked at.
func (l *List) CAIssuers() (urls []string) {
	i := slices.IndexFunc(l.Extensions, func(x cert.Extension) bool { return x.OID == extAuthorityInfo })
	if i < 0 {
		return nil
	}
	seq, err := der.NewReader(l.Extensions[i].Value, 0).Expect(der.Sequence)
	if err != nil {
		return nil
	}
	for in := der.NewReader(seq.Body, 0); !in.Empty() && len(urls) < maxIssuers; {
		access, err := in.Expect(der.Sequence)
		if err != nil {
			break
		}
		r := der.NewReader(access.Body, 0)
		method, err := r.Expect(der.OID)
		if err != nil {
			break
		}
		if oid, _ := der.OIDText(method.Body); oid != "1.3.6.1.5.5.7.48.2" { // id-ad-caIssuers
			continue
		}
		names, _ := cert.ParseGeneralNames(r.Rest(), 0)
		for _, g := range names {
			if g.Type == cert.URIName && overHTTP(g.Value) && !slices.Contains(urls, g.Value) && len(urls) < maxIssuers {
				urls = append(urls, g.Value)
			}
		}
	}
	return urls
}
