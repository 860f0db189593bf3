package watch

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Cert is a certificate that some target shows or uses, or used.
type Cert struct {
	SHA256    string    `json:"sha256"`
	Subject   string    `json:"subject"` // quoted
	Issuer    string    `json:"issuer"`  // quoted
	Serial    string    `json:"serial"`  // hex
	KeyKind   string    `json:"key"`     // "ECDSA P-256"
	SPKI      string    `json:"spki_sha256"`
	CA        bool      `json:"ca"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	FirstSeen time.Time `json:"first_seen"`
	Targets   int       `json:"targets"` // how many use it now
}

const certColumns = "c.sha256, c.subject, c.issuer, c.serial, c.key_kind, c.spki, c.ca, c.not_before, c.not_after, c.first_seen"

func scanCert(scan func(...any) error, more ...any) (c Cert, err error) {
	var sum, spki []byte
	var ca int
	var before, after, seen int64
	err = scan(append([]any{&sum, &c.Subject, &c.Issuer, &c.Serial, &c.KeyKind, &spki, &ca, &before, &after, &seen}, more...)...)
	c.SHA256, c.SPKI, c.CA = hashFrom(sum).String(), hashFrom(spki).String(), ca != 0
	c.NotBefore, c.NotAfter, c.FirstSeen = moment(before), moment(after), moment(seen)
	return c, err
}

// certificate reads one, without the number of its targets; the zero Cert when it
// is not known.
func (tx *Tx) certificate(h Hash) (c Cert, found bool, err error) {
	err = tx.each("SELECT "+certColumns+" FROM certificates c WHERE c.sha256 = ?", []any{h.bytes()}, func(scan func(...any) error) error {
		found = true
		c, err = scanCert(scan)
		return err
	})
	return c, found, err
}

// CertQuery says which certificates are wanted. The zero query is all that some
// target uses now, those first that end first.
type CertQuery struct {
	Search string // a part of the subject, a name, the issuer or the serial number, whatever the case; or a SHA-256 in hex, of the certificate or its key
	CA     *bool  // those of CAs, or only others
	Spki   Hash   // with this key
	All    bool   // also those that no target uses any more
	Page   string // as CertPage.Next had it
	Limit  int    // 0 is DefaultPage
}

// CertPage is a page of certificates.
type CertPage struct {
	Certs []Cert `json:"certificates"`
	Next  string `json:"next,omitempty"` // the next page; "" is the end
}

// searched is the condition of a search for certificates.
func searched(text string) (where []string, args []any) {
	where = []string{"1 = 1"}
	words, digits := strings.TrimSpace(text), plainHex(text)
	if h := hashOf(digits); h != (Hash{}) {
		return append(where, "(c.sha256 = ? OR c.spki = ?)"), []any{h.bytes(), h.bytes()}
	}
	like := func(s string) string { return "%" + likeEscaper.Replace(strings.ToLower(s)) + "%" }
	switch {
	case words == "":
	case digits != "": // as programs print serial numbers and hashes
		where, args = append(where, `(c.search LIKE ? ESCAPE '\' OR c.search LIKE ? ESCAPE '\')`), []any{like(words), like(digits)}
	default:
		where, args = append(where, `c.search LIKE ? ESCAPE '\'`), []any{like(words)}
	}
	return where, args
}

// byNotAfter is the order of certificates, for the names of pages.
const byNotAfter Order = "not-after"

// Certificates returns a page of certificates.
func (s *Store) Certificates(ctx context.Context, q CertQuery) (p CertPage, err error) {
	limit := pageSize(q.Limit)
	where, args := searched(q.Search)
	if q.CA != nil {
		ca := 0
		if *q.CA {
			ca = 1
		}
		where, args = append(where, "c.ca = ?"), append(args, ca)
	}
	if q.Spki != (Hash{}) {
		where, args = append(where, "c.spki = ?"), append(args, q.Spki.bytes())
	}
	const used = "(SELECT COUNT(*) FROM state_certs k JOIN standings n ON n.state = k.state WHERE k.sha256 = c.sha256)"
	if !q.All {
		where = append(where, "EXISTS (SELECT 1 FROM state_certs k JOIN standings n ON n.state = k.state WHERE k.sha256 = c.sha256)")
	}
	if q.Page != "" {
		after, rowid, err := readPage(q.Page, byNotAfter)
		if err != nil {
			return p, err
		}
		where, args = append(where, "c.not_after >= ?"), append(args, after)
		return s.certPage(ctx, where, args, used, limit, int(rowid)-1)
	}
	return s.certPage(ctx, where, args, used, limit, 0)
}

// certPage reads a page; skip are the certificates at its beginning that end at the
// same time as the last of the page before and stood there.
func (s *Store) certPage(ctx context.Context, where []string, args []any, used string, limit, skip int) (p CertPage, err error) {
	if skip < 0 || skip > MaxTargets {
		return p, ErrPage
	}
	err = s.View(ctx, func(tx *Tx) error {
		p = CertPage{Certs: []Cert{}}
		more := false
		err := tx.each("SELECT "+certColumns+", "+used+" FROM certificates c WHERE "+strings.Join(where, " AND ")+" ORDER BY c.not_after, c.sha256 LIMIT ? OFFSET ?",
			append(slices.Clone(args), limit+1, skip), func(scan func(...any) error) error {
				var n int
				c, err := scanCert(scan, &n)
				if err != nil {
					return err
				}
				if len(p.Certs) == limit {
					more = true
					return nil
				}
				c.Targets = n
				p.Certs = append(p.Certs, c)
				return nil
			})
		if err != nil || !more {
			return err
		}
		last := p.Certs[limit-1].NotAfter
		same := 0
		for _, c := range p.Certs {
			if c.NotAfter.Equal(last) {
				same++
			}
		}
		if same == limit {
			same += skip
		}
		p.Next = writePage(byNotAfter, milli(last), int64(same)+1)
		return nil
	})
	return p, err
}

// Certificate returns one certificate and its DER.
func (s *Store) Certificate(ctx context.Context, h Hash) (c Cert, der []byte, err error) {
	return s.theCertificate(ctx, h, true)
}

// Uncounted is Certificate without the number of its targets, which takes long for a
// CA's.
func (s *Store) Uncounted(ctx context.Context, h Hash) (c Cert, der []byte, err error) {
	return s.theCertificate(ctx, h, false)
}

func (s *Store) theCertificate(ctx context.Context, h Hash, count bool) (c Cert, der []byte, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		var found bool
		if c, found, err = tx.certificate(h); err != nil {
			return err
		}
		if !found {
			return ErrNotFound
		}
		if _, err := tx.one("SELECT der FROM certificates WHERE sha256 = ?", []any{h.bytes()}, &der); err != nil || !count {
			return err
		}
		_, err := tx.one("SELECT COUNT(*) FROM state_certs k JOIN standings n ON n.state = k.state WHERE k.sha256 = ?", []any{h.bytes()}, &c.Targets)
		return err
	})
	return c, der, err
}

// IssuerCount is a certificate that issued servers' certificates, as the chosen
// paths have it.
type IssuerCount struct {
	Cert
	Accept int `json:"accept"` // of its targets, how many are accepted
	Reject int `json:"reject"` // and how many are rejected
}

// Issuers lists the certificates above the servers' own, those first that most
// targets depend on; MaxPage at most.
func (s *Store) Issuers(ctx context.Context) ([]IssuerCount, error) {
	p, err := s.IssuerPage(ctx, IssuerQuery{Limit: MaxPage})
	return p.Issuers, err
}
