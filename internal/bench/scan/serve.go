package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// patience is how long the slow server waits before it replies to a ClientHello.
const patience = 30 * time.Second

// serve makes a load in dir, serves it, says "ready" on stdout, and ends with stdin.
func serve(dir string, s size) error {
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l := generate(s, "http://"+web.Addr().String())
	go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := l.lists[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/pkix-crl")
		w.Write(b)
	}))
	// Only one listener for all addresses can have ten thousand; it serves loopback alone.
	quick, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	slow, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	p := place{Dir: dir, Size: s, Revoked: l.revoked}
	_, p.Port, _ = net.SplitHostPort(quick.Addr().String())
	_, p.Slow, _ = net.SplitHostPort(slow.Addr().String())
	if err := l.write(p); err != nil {
		return err
	}
	conf := &tls.Config{
		CurvePreferences:       []tls.CurveID{tls.X25519}, // a hybrid one would make the server the slower side
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2", "http/1.1"},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			at := h.Conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
			if i := hostAt(at); i >= 0 && i < len(l.certs) {
				return &l.certs[i], nil
			}
			return nil, errors.New("no such host")
		},
	}
	go accept(quick, conf, 0)
	go accept(slow, conf, patience)
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func accept(l net.Listener, conf *tls.Config, wait time.Duration) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if !c.LocalAddr().(*net.TCPAddr).IP.IsLoopback() {
			c.Close()
			continue
		}
		go func() {
			defer c.Close()
			if wait > 0 {
				c.SetReadDeadline(time.Now().Add(wait))
				io.Copy(io.Discard, c) // until the client gives up
				return
			}
			c.SetDeadline(time.Now().Add(20 * time.Second))
			s := tls.Server(c, conf)
			if s.Handshake() == nil {
				s.Read(make([]byte, 1))
			}
		}()
	}
}
