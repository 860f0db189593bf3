package watch

import (
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/report"
)

// maxSearched bounds the text in which certificates are looked for: a hundred names of
// a server fit.
const maxSearched = 8 << 10

// certSearched is the text in which a search for certificates looks: what people
// know one by, in lower case, one a line.
func certSearched(c *report.Cert) string {
	var b strings.Builder
	for _, word := range append([]string{c.SHA256, c.Serial, c.Subject, c.Issuer}, c.Names...) {
		if word = quoted(word); b.Len()+len(word) >= maxSearched {
			break
		}
		b.WriteString(word)
		b.WriteByte('\n')
	}
	return strings.ToLower(b.String())
}

// fillSearch writes that text for certificates that were stored without one.
func (tx *Tx) fillSearch() error {
	for {
		texts := map[Hash]string{}
		err := tx.each("SELECT sha256, der FROM certificates WHERE search = '' LIMIT 500", nil, func(scan func(...any) error) error {
			var sum, der []byte
			if err := scan(&sum, &der); err != nil {
				return err
			}
			c := assemble.Facts(cert.Parse(der), "")
			c.SHA256 = hashFrom(sum).String()
			texts[hashFrom(sum)] = certSearched(&c)
			return nil
		})
		if err != nil || len(texts) == 0 {
			return err
		}
		for h, text := range texts {
			if _, err := tx.Exec("UPDATE certificates SET search = ? WHERE sha256 = ?", text, h.bytes()); err != nil {
				return err
			}
		}
	}
}

// plainHex is a number in hexadecimal without what programs put between its digits; ""
// for a text that is none, or too short to be looked for as one.
func plainHex(s string) string {
	s = strings.ToLower(strings.NewReplacer(":", "", " ", "", "\t", "").Replace(strings.TrimPrefix(strings.TrimSpace(s), "0x")))
	if len(s) < 4 || strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}
