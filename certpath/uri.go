package certpath

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// maxURI is the longest URI that is compared; a SPIFFE ID has at most 2048 bytes.
const maxURI = 2048

// parseURI reads a URI with a scheme and an authority, such as a SPIFFE ID.
func parseURI(s string) (Identifier, error) {
	u, err := url.Parse(s)
	switch {
	case len(s) > maxURI:
		return Identifier{}, fmt.Errorf("the URI has %d bytes; %d is the limit", len(s), maxURI)
	case err != nil || !isASCII(s) || u.Host == "" || u.User != nil:
		return Identifier{}, fmt.Errorf("%q is not a URI with a host", finding.Quote(s))
	case strings.EqualFold(u.Scheme, "spiffe") && (u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || u.Port() != ""):
		return Identifier{}, fmt.Errorf("%q is not a SPIFFE ID: it has no port, query or fragment", finding.Quote(s))
	}
	return Identifier{Type: cert.URIName, Value: normalURI(s)}, nil
}

// normalURI is a URI with its scheme and its authority in lower case (RFC 3986,
// 6.2.2.1). Nothing else is made equal: what differs in one byte is another name.
func normalURI(s string) string {
	begin := strings.Index(s, "://")
	if begin < 0 {
		return s
	}
	end := len(s)
	if i := strings.IndexAny(s[begin+3:], "/?#"); i >= 0 {
		end = begin + 3 + i
	}
	return lower(s[:end]) + s[end:]
}

// matchURI compares a URI with the leaf's, whole. A certificate with more than
// one URI is nobody's SPIFFE identity (X.509-SVID, 2).
func matchURI(leaf *cert.Certificate, id Identifier) (finding.Finding, bool) {
	var names []string
	found := false
	for i := range leaf.SAN {
		if san := &leaf.SAN[i]; san.Type == cert.URIName {
			found = found || normalURI(san.Value) == id.Value
			names = append(names, san.Value)
		}
	}
	svid := strings.HasPrefix(id.Value, "spiffe://")
	if found && (!svid || len(names) == 1) {
		return finding.Finding{}, true
	}
	list := "none"
	if len(names) > 5 {
		names = append(names[:5:5], fmt.Sprintf("%d more", len(names)-5))
	}
	if len(names) > 0 {
		list = strings.Join(names, ", ")
	}
	return finding.New(finding.URIMismatch, "name", id.Value, "names", list), false
}
