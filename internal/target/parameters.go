package target

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/assaytls/assay/internal/tlsclient"
)

// groups are the key-exchange groups that crypto/tls has, by the names that
// reports use, and the registry's where they differ.
var groups = []struct {
	name, registry string
	id             tls.CurveID
}{
	{"X25519MLKEM768", "", tls.X25519MLKEM768}, {"X25519", "", tls.X25519}, {"P-256", "secp256r1", tls.CurveP256},
	{"P-384", "secp384r1", tls.CurveP384}, {"P-521", "secp521r1", tls.CurveP521},
	{"SecP256r1MLKEM768", "", tls.SecP256r1MLKEM768}, {"SecP384r1MLKEM1024", "", tls.SecP384r1MLKEM1024},
}

// GroupNames lists the key-exchange groups that crypto/tls has.
func GroupNames() (names []string) {
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

func groupID(s string) (tls.CurveID, bool) {
	for _, g := range groups {
		if strings.EqualFold(s, g.name) || g.registry != "" && strings.EqualFold(s, g.registry) {
			return g.id, true
		}
	}
	return 0, false
}

// CheckGroup wants the name of a key-exchange group.
func CheckGroup(s string) error {
	if _, ok := groupID(s); !ok {
		return fmt.Errorf("%q is not one of the groups %s", s, strings.Join(GroupNames(), ", "))
	}
	return nil
}

// CheckCipher wants a safe suite of TLS 1.2.
func CheckCipher(s string) error {
	for _, c := range tls.CipherSuites() {
		if c.Name == s && slices.Contains(c.SupportedVersions, tls.VersionTLS12) {
			return nil
		}
		if c.Name == s {
			return fmt.Errorf("%s is a suite of TLS 1.3, which are fixed: all are offered", s)
		}
	}
	for _, c := range tls.InsecureCipherSuites() {
		if c.Name == s {
			return fmt.Errorf("%s is not safe; check finds out by itself when a server has nothing better", s)
		}
	}
	return fmt.Errorf("%q is not one of %s", s, strings.Join(CipherNames(), ", "))
}

// CipherNames lists the safe suites of TLS 1.2.
func CipherNames() (names []string) {
	for _, c := range tls.CipherSuites() {
		if slices.Contains(c.SupportedVersions, tls.VersionTLS12) {
			names = append(names, c.Name)
		}
	}
	return names
}

// parameters sets the groups and suites. Both are sets: crypto/tls has an order
// of its own.
func (f *Connection) parameters(c *tlsclient.Config) error {
	for _, s := range f.Groups {
		id, _ := groupID(s)
		c.Groups = append(c.Groups, uint16(id))
	}
	hybrid := func(s string) bool { return strings.Contains(strings.ToUpper(s), "MLKEM") }
	if len(f.Groups) > 0 && c.MaxVersion < tls.VersionTLS13 && !slices.ContainsFunc(f.Groups, func(s string) bool { return !hybrid(s) }) {
		return Usagef("--groups %s: only TLS 1.3 has these groups", strings.Join(f.Groups, ",")).Hint("leave out --tls-max 1.2, or add X25519 or P-256")
	}
	if len(f.Ciphers) == 0 {
		return nil
	}
	if c.MaxVersion > tls.VersionTLS12 {
		return Usagef("--ciphers is about TLS 1.2; a server that has TLS 1.3 would not use them").Hint("add --tls-max 1.2")
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if slices.Contains(f.Ciphers, s.Name) {
			c.Suites = append(c.Suites, s.ID)
		}
	}
	return nil
}
