package tlsclient

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/assaytls/assay/evidence"
)

// The versions of the PROXY protocol (haproxy's proxy-protocol.txt), the header
// with which a load balancer tells the server behind it whom it serves.
const (
	ProxyHeader1 = 1 // a line of text
	ProxyHeader2 = 2 // binary
)

// sendProxyHeader begins the connection with the header: the addresses of this
// connection, or none when there is a proxy between.
func (c *Config) sendProxyHeader(ctx context.Context, conn net.Conn) *evidence.Failure {
	var from, to netip.AddrPort
	if c.proxy == nil {
		from, to = addrPort(conn.LocalAddr()), addrPort(conn.RemoteAddr())
	}
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	conn.SetDeadline(time.Now().Add(c.HandshakeTimeout))
	defer conn.SetDeadline(time.Time{})
	if _, err := conn.Write(proxyHeader(c.ProxyHeader, from, to)); err != nil {
		return connectFailure(c.Host, c.Port, c.HandshakeTimeout.String(), []evidence.Attempt{{Addr: conn.RemoteAddr().String(), Outcome: outcome(err), Detail: plainError(err)}})
	}
	return nil
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	return netip.AddrPort{}
}

// proxyHeader is the header of a version; addresses that are not valid, or of
// two families, are not told.
func proxyHeader(version int, from, to netip.AddrPort) []byte {
	known := from.IsValid() && to.IsValid() && from.Addr().Is4() == to.Addr().Is4()
	if version == ProxyHeader1 {
		if !known {
			return []byte("PROXY UNKNOWN\r\n")
		}
		family := map[bool]string{true: "TCP4", false: "TCP6"}[from.Addr().Is4()]
		return fmt.Appendf(nil, "PROXY %s %s %s %d %d\r\n", family, from.Addr(), to.Addr(), from.Port(), to.Port())
	}
	b := []byte("\r\n\r\n\x00\r\nQUIT\n")
	if !known {
		return append(b, 0x20, 0, 0, 0) // LOCAL: the connection's own addresses count
	}
	addrs := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	family := map[bool]byte{true: 0x11, false: 0x21}[from.Addr().Is4()] // over TCP
	b = append(b, 0x21, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(addrs)+4))
	b = append(b, addrs...)
	b = binary.BigEndian.AppendUint16(b, from.Port())
	return binary.BigEndian.AppendUint16(b, to.Port())
}
