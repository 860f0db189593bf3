package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/report"
)

// Certificate is what the table of certificates says of one. Rows refer to it
// by its SHA-256. Its texts are quoted and cut.
type Certificate struct {
	SHA256    report.Hash // of the certificate
	SPKI      report.Hash // SHA-256 of its SubjectPublicKeyInfo
	Subject   string      // RFC 4514
	Issuer    string      // RFC 4514
	Serial    string      // hex of the INTEGER's contents, as encoded
	NotBefore time.Time   // UTC, to the second; zero when it could not be decoded
	NotAfter  time.Time   // UTC, to the second; zero when it could not be decoded
	Key       string      // "ECDSA P-256", "RSA 2048"
	Signature string      // "SHA-256 with RSA"
	CA        bool        // basicConstraints says so
	Names     []string    // "dns:example.com", "ip:192.0.2.1"; 100 at most
	DER       []byte      // the certificate itself; empty when it is not kept
}

// The most octets of a certificate's texts, names of one, and octets of its DER.
const (
	maxName      = 512
	maxSerial    = 128
	maxNames     = 100
	maxNamesText = 4096 // of all names together
	maxDER       = 256 << 10
)

// NewCertificate returns what the table says of the certificate der, which need
// not be a sound one. keep says that its DER is stored too.
func NewCertificate(der []byte, keep bool) Certificate {
	c := cert.Parse(der)
	f := assemble.Facts(c, "")
	row := Certificate{
		SHA256: c.SHA256, SPKI: sha256.Sum256(c.RawSPKI),
		Subject: quoted(f.Subject, maxName), Issuer: quoted(f.Issuer, maxName), Serial: cut(f.Serial, maxSerial),
		NotBefore: second(f.NotBefore), NotAfter: second(f.NotAfter),
		Key: quoted(f.Key, maxWord), Signature: quoted(f.Signature, maxWord), CA: f.CA,
	}
	if len(c.RawSPKI) == 0 {
		row.SPKI = report.Hash{}
	}
	room := maxNamesText
	for _, n := range f.Names {
		n = quoted(n, maxTarget)
		if room -= len(n); room < 0 || len(row.Names) == maxNames {
			break
		}
		row.Names = append(row.Names, n)
	}
	if keep && len(der) <= maxDER {
		row.DER = der
	}
	return row
}

// check says what in the certificate cannot be stored.
func (c *Certificate) check() error {
	if c.SHA256 == (report.Hash{}) {
		return errors.New("a certificate has no SHA-256")
	}
	texts := []struct {
		field, text string
		most        int
	}{
		{"subject", c.Subject, maxName}, {"issuer", c.Issuer, maxName}, {"serial", c.Serial, maxSerial},
		{"key", c.Key, maxWord}, {"signature", c.Signature, maxWord},
	}
	for _, t := range texts {
		if err := checkText(t.field, t.text, t.most); err != nil {
			return err
		}
	}
	if strings.Trim(c.Serial, "0123456789abcdef") != "" {
		return errors.New("a serial number is not in hexadecimal")
	}
	if len(c.Names) > maxNames {
		return fmt.Errorf("a certificate has %d names, at most %d can be stored", len(c.Names), maxNames)
	}
	for _, n := range c.Names {
		if err := checkText("names", n, maxTarget); err != nil {
			return err
		}
	}
	for _, t := range []time.Time{c.NotBefore, c.NotAfter} {
		if !t.IsZero() && (t.Year() < 0 || t.Year() > 9999) {
			return errors.New("a certificate's time is out of range")
		}
	}
	if len(c.DER) > maxDER {
		return fmt.Errorf("a certificate has %d octets, at most %d can be stored", len(c.DER), maxDER)
	}
	if len(c.DER) > 0 && sha256.Sum256(c.DER) != c.SHA256 {
		return fmt.Errorf("a certificate is not the one of its SHA-256 %s", hex.EncodeToString(c.SHA256[:]))
	}
	return nil
}

// quoted is a peer's text as tables have it: quoted, and cut to n octets.
func quoted(s string, n int) string { return cut(finding.Quote(s), n) }

// cut shortens s to n octets, at the border of a character.
func cut(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	end := n - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

// second is t in UTC to the second; a year that RFC 3339 cannot write is left
// out.
func second(t time.Time) time.Time {
	if t.IsZero() || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
