package cert_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	. "github.com/assaytls/assay/internal/lab/forge"
)

// Certificates with very long lists of everything are read in time that grows
// no faster than they do.
func TestHostileSize(t *testing.T) {
	const n = 20000
	var policies, mappings []string
	var emails []Attr
	var names, odd, mails, subtrees [][]byte
	for i := range n {
		oid := "1.2.3." + strconv.Itoa(i)
		policies = append(policies, oid)
		mappings = append(mappings, "1.2.4."+strconv.Itoa(i), oid)
		emails = append(emails, Attr{OID: "1.2.840.113549.1.9.1", Tag: 0x16, Value: strconv.Itoa(i) + "@a.example"})
		names = append(names, DNS(strconv.Itoa(i)+".example"))
		odd = append(odd, DNS("a b_"+strconv.Itoa(i)))
		mails = append(mails, Email(strconv.Itoa(i)+"@b.example"))
		subtrees = append(subtrees, DNS("a"+strconv.Itoa(i)+"."))
	}
	manyRDNs := DN(emails...)
	var attrs [][]byte
	for _, a := range emails {
		attrs = append(attrs, a.DER())
	}
	oneRDN := Seq(Set(attrs...))
	for name, raw := range map[string][]byte{
		"policies":    authority(Policies(policies...), PolicyMappings(mappings...)),
		"names":       with(SAN(names...)),
		"odd names":   with(SAN(odd...)),
		"emails":      leaf(func(c *Cert) { c.Subject, c.Extensions = manyRDNs, Merge(c.Extensions, SAN(mails...)) }),
		"one RDN":     leaf(func(c *Cert) { c.Subject = oneRDN }),
		"constraints": authority(NameConstraints(subtrees, subtrees)),
		"extensions": leaf(func(c *Cert) {
			for i := range n {
				c.Extensions = append(c.Extensions, named("1.2.3."+strconv.Itoa(i), nil))
			}
		}),
		"indefinite lengths": nested(n, []byte{0x30, 0x80}),
		"a large arc":        with(named("1.2.3", nil), EKU(), Ext{OID: "2.5.29.37", Value: Seq(TLV(6, append([]byte{0x2a}, make([]byte, 1000000)...)))}),
	} {
		start := time.Now()
		c := cert.Parse(raw)
		c.StrictFindings()
		for i := range c.Extensions {
			c.ExtensionSummary(i)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: %d octets took %v", name, len(raw), took)
		} else {
			t.Logf("%s: %d octets took %v", name, len(raw), took)
		}
	}
}

func nested(n int, open []byte) []byte {
	var b []byte
	for range n {
		b = append(b, open...)
	}
	return field(3, b)
}
