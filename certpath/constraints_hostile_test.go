package certpath_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// Names that slip past constraints in some implementations do not here, and
// constraints do not catch what they do not mean.
func TestConstraintEscapes(t *testing.T) {
	dns, email, uri := forge.DNS, forge.Email, forge.URI
	smtp := forge.SmtpUTF8("ü@example.com")
	v4in6 := append(append(make([]byte, 10), 0xff, 0xff), 10, 1, 2, 3)
	hostBits := forge.IPRaw([]byte{10, 5, 0, 1, 255, 0, 0, 0})
	for name, c := range map[string]struct {
		ca, leaf []forge.Ext
		want     finding.ID // "" = allowed
	}{
		"wildcard over an excluded name":          {exclude(dns("a.example.com")), san(dns("*.example.com")), finding.NameExcluded},
		"wildcard over an excluded domain's apex": {exclude(dns("example.com")), san(dns("*.com")), finding.NameExcluded},
		"wildcard, only deeper names excluded":    {exclude(dns("b.a.example.com")), san(dns("*.example.com")), ""},
		"wildcard beyond what is permitted":       {permit(dns("a.example.com")), san(dns("*.example.com")), finding.NameNotPermitted},
		"wildcard below what is permitted":        {permit(dns("example.com")), san(dns("*.a.example.com")), ""},
		"excluded in capitals, with a final dot":  {exclude(dns("EXAMPLE.com")), san(dns("www.example.COM.")), finding.NameExcluded},
		"suffix of letters only":                  {exclude(dns("example.com")), san(dns("badexample.com")), ""},
		"permitted by letters only":               {permit(dns("example.com")), san(dns("badexample.com")), finding.NameNotPermitted},
		"partial wildcard":                        {exclude(dns("fa.example.com")), san(dns("f*.example.com")), finding.ConstrainedNameBad},
		"a star in the middle":                    {permit(dns("example.com")), san(dns("a.*.example.com")), finding.ConstrainedNameBad},
		"everything excluded":                     {exclude(dns("")), san(dns("x.test")), finding.NameExcluded},
		"a leading dot does not permit the apex":  {permit(dns(".example.com")), san(dns("example.com")), finding.NameNotPermitted},
		"second mailbox of one local part":        {exclude(email("bob@b.test")), san(email("bob@a.test"), email("bob@b.test")), finding.NameExcluded},
		"mailbox by its host":                     {exclude(email("example.com")), san(email("a@EXAMPLE.com")), finding.NameExcluded},
		"host constraint is not its subdomains'":  {permit(email("example.com")), san(email("a@sub.example.com")), finding.NameNotPermitted},
		"quoted local part":                       {permit(email("good.test")), san(email(`"x@good.test"@bad.test`)), finding.ConstrainedNameBad},
		"two at signs":                            {permit(email("good.test")), san(email("a@b@good.test")), finding.ConstrainedNameBad},
		"URI by its host":                         {exclude(uri("bad.test")), san(uri("https://bad.test:443/x")), finding.NameExcluded},
		"URI with user":                           {permit(uri("good.test")), san(uri("https://good.test@bad.test/")), finding.NameNotPermitted},
		"URI with an address":                     {permit(uri("good.test")), san(uri("https://192.0.2.1/")), finding.ConstrainedNameBad},
		"URI with IPv6 and a zone":                {permit(uri("good.test")), san(uri("https://[fe80::1%25good.test]/")), finding.ConstrainedNameBad},
		"URI without a host":                      {permit(uri("good.test")), san(uri("urn:good.test")), finding.ConstrainedNameBad},
		"excluded range with host bits":           {exclude(hostBits), san(forge.IPRaw([]byte{10, 1, 2, 3})), finding.NameExcluded},
		"IPv4 inside IPv6 is IPv6":                {permit(forge.IPNet("10.0.0.0/8")), san(forge.IPRaw(v4in6)), finding.NameNotPermitted},
		"IPv4 by an IPv6 range":                   {permit(forge.IPNet("::/0")), san(forge.IPRaw([]byte{10, 1, 2, 3})), finding.NameNotPermitted},
		"UTF-8 mailbox, otherName excluded":       {exclude(smtp), san(smtp), finding.NameFormUnsupported},
		"UTF-8 mailbox, otherName permitted":      {permit(smtp), san(smtp), finding.NameFormUnsupported},
		"another otherName, otherName permitted":  {permit(forge.OtherName("1.2.3", forge.UTF8("x"))), san(forge.OtherName("1.2.3", forge.UTF8("y"))), finding.NameFormUnsupported},
		"otherName constrained, none there":       {permit(smtp), san(dns("x.test")), ""},
		"registered ID":                           {exclude(forge.RegisteredID("1.2.3")), san(forge.RegisteredID("1.2.4")), finding.NameFormUnsupported},
		"X.400":                                   {exclude(forge.X400([]byte{0x30, 0})), san(forge.X400([]byte{0x30, 0})), finding.NameFormUnsupported},
	} {
		for k := range c.leaf { // the usual name of the leaf is not what is asked here
			c.leaf[k].Critical = true
		}
		p := pki{caExts: c.ca, leafExts: c.leaf, o: certpath.Options{}}
		p.o.Time = time.Now()
		path := p.build().Paths[0]
		found := false
		for _, fs := range path.CertFindings {
			for _, f := range fs {
				found = found || f.ID == c.want
				if c.want == "" && f.Severity >= finding.Inconclusive {
					t.Errorf("%s: %v", name, f)
				}
			}
		}
		if c.want != "" && (!found || path.Worst() < finding.Error) {
			t.Errorf("%s: no %s, worst %v: %v", name, c.want, path.Worst(), path.CertFindings)
		}
	}
}
