package assay

//lint:file-ignore SA1019 net/http still heeds the fields, so they must be seen

import (
	"net"
	"net/http"
)

// oldDial is t.Dial, which net/http uses where DialContext is nil.
func oldDial(t *http.Transport) func(network, addr string) (net.Conn, error) { return t.Dial }

// hasTLSDialer reports whether t makes TLS connections in a way of its own.
func hasTLSDialer(t *http.Transport) bool { return t.DialTLSContext != nil || t.DialTLS != nil }
