package tlsclient

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
)

// A proxy whose header never ends is given up at a limit, not at the deadline.
func TestEndlessProxyHeader(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	sent := make(chan int64, 1)
	go func() {
		there.Read(make([]byte, 4096))
		n, _ := io.Copy(there, io.LimitReader(strings.NewReader("HTTP/1.1 200 OK\r\n"+strings.Repeat("X: y\r\n", 1<<16)), 1<<18))
		there.Close()
		sent <- n
	}()
	_, id, err := httpConnect(here, "a.test:443", nil)
	if id != finding.ProxyFailure || err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%s: %v", id, err)
	}
	here.Close()
	if n := <-sent; n > 2*maxProxyHeader {
		t.Errorf("%d octets were read", n)
	}
}
