package target

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/assaytls/assay/policy"
)

// srvSchemes are the schemes of the services that SRV records name (RFC 6186,
// 8314, 6764, 6120, 7590, 5804 and IANA's registry).
var srvSchemes = map[string]string{
	"_imap": "imap", "_imaps": "imaps", "_pop3": "pop3", "_pop3s": "pop3s", "_submission": "submission", "_submissions": "submissions",
	"_sieve": "sieve", "_nntp": "nntp", "_nntps": "nntps", "_ldap": "ldap", "_ldaps": "ldaps", "_ftp": "ftp",
	"_xmpp-client": "xmpp", "_xmpps-client": "xmpps", "_xmpp-server": "xmpp-server", "_xmpps-server": "xmpps",
	"_sips": "sips", "_https": "https", "_caldavs": "https", "_carddavs": "https", "_autodiscover": "https", "_matrix-fed": "https",
	"_ircs": "ircs", "_mqtts": "mqtts", "_amqps": "amqps",
}

// parseService reads mx:DOMAIN and srv:NAME; ok is false for everything else,
// such as a port of a host that is called mx.
func parseService(s string) (t Target, ok bool, err error) {
	kind, name, found := strings.Cut(s, ":")
	kind = strings.ToUpper(kind)
	name = strings.TrimSuffix(strings.TrimPrefix(name, "//"), "/")
	if !found || kind != "MX" && kind != "SRV" || name == "" || CheckPort(name) == nil {
		return t, false, nil
	}
	t = Target{Input: s, Host: strings.TrimSuffix(name, "."), Service: kind}
	if _, err := netip.ParseAddr(t.Host); err == nil {
		return t, true, Usagef("%q: an IP address has no %s records", s, kind)
	}
	if err := policy.CheckHost(t.Host); err != nil {
		return t, true, Usagef("%q: %v", s, err)
	}
	if kind == "MX" {
		t.Scheme = "smtp"
		return t, true, nil
	}
	labels := strings.SplitN(strings.ToLower(t.Host), ".", 3)
	if len(labels) < 3 || labels[1] != "_tcp" {
		return t, true, Usagef("%q: a service is named like srv:_imaps._tcp.example.com", s)
	}
	if t.Scheme = srvSchemes[labels[0]]; t.Scheme == "" {
		return t, true, Usagef("%q: assay does not know how to speak to the service %q", s, labels[0]).
			Hint("assay knows %s", strings.Join(slices.Sorted(maps.Keys(srvSchemes)), ", ")).Hint("for any other: name the server itself, HOST:PORT")
	}
	return t, true, nil
}

// Domain is the domain whose service t is.
func (t Target) Domain() string {
	if labels := strings.SplitN(t.Host, ".", 3); t.Service == "SRV" && len(labels) == 3 {
		return labels[2]
	}
	return t.Host
}

// At is the server on host and port that a record of t names; the scheme and
// what the user wrote stay.
func (t Target) At(host, port string) Target {
	t.Host, t.Port, t.Service = host, port, ""
	return t
}
