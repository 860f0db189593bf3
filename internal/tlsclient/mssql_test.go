package tlsclient

import (
	"crypto/tls"
	"io"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/peers"
)

// sqlServer plays SQL Server's part up to the first message under TLS, whose type
// it hands over. The handshake is framed, what follows is not.
func sqlServer(t *testing.T, conf *tls.Config, first chan<- byte) (port string) {
	return listen(t, func(c net.Conn) {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		header := make([]byte, tdsHeader)
		if _, err := io.ReadFull(c, header); err != nil || header[0] != tdsPrelogin {
			return
		}
		if _, err := io.ReadFull(c, make([]byte, int(header[2])<<8+int(header[3])-tdsHeader)); err != nil {
			return
		}
		io.WriteString(c, tdsAnswer(1))
		framed := &framedConn{Conn: c}
		s := tls.Server(framed, conf)
		if s.Handshake() != nil {
			return
		}
		unframed(framed)
		b := make([]byte, 1)
		if _, err := io.ReadFull(s, b); err == nil {
			first <- b[0]
		}
		s.Close()
	})
}

// TestMSSQL asks the server above, in both versions of TLS.
func TestMSSQL(t *testing.T) {
	cert := chainFor(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ev := dial(t, Config{Port: sqlServer(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version}, make(chan byte, 1)), SNI: "dial.test", StartTLS: "mssql"})
		if ev.Failure != nil || len(ev.Chain) != 2 || ev.Connection.Version != version {
			t.Errorf("%x: %+v, %+v", version, ev.Failure, ev.Connection)
		}
	}
}

// TestMSSQLByFreeTDS shows that the server above speaks what an independent client
// does: FreeTDS completes the handshake with it and logs in.
func TestMSSQLByFreeTDS(t *testing.T) {
	tsql := peers.Path(t, "tsql")
	first := make(chan byte, 1)
	cert := chainFor(t)
	host, port := "127.0.0.1", sqlServer(t, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}, first)
	cmd := exec.Command(tsql, "-H", host, "-p", port, "-U", "sa", "-P", "x")
	cmd.Env = []string{"TDSVER=7.4", "LC_ALL=C"}
	peers.Tie(cmd)
	check(t, cmd.Start())
	defer func() { cmd.Process.Kill(); cmd.Wait() }() // it would try again
	select {
	case b := <-first:
		if b != 0x10 { // LOGIN7
			t.Errorf("the first message is of type %#x", b)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing came under TLS")
	}
}
