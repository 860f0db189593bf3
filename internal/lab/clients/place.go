package clients

import (
	"crypto/x509"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/assaytls/assay/internal/lab/forge"
)

//go:embed programs
var programs embed.FS

// place is a directory of the exam with all that clients are told to trust, in the forms that they
// want. It is the only place that they write to.
type place struct {
	dir      string
	root     string // PEM
	rootDir  string // one file for each root, named by OpenSSL's hash where openssl is there
	p12      string
	programs string
	self     string // this program
	nssdb    string // "" without certutil
}

// storePassword guards nothing: the store holds certificates alone, and Java wants one.
const storePassword = "changeit"

// newPlace makes the directory. Everybody may read it: servers that drop their rights, browsers in a box.
func newPlace(roots [][]byte) (p *place, err error) {
	p = &place{}
	if p.dir, err = os.MkdirTemp("", "assay-clients-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.remove()
		}
	}()
	if err = os.Chmod(p.dir, 0o755); err != nil {
		return p, err
	}
	if p.self, err = os.Executable(); err != nil {
		return p, err
	}
	// By this name it is the command even where its file has another one.
	if link := filepath.Join(p.dir, "assay"); os.Symlink(p.self, link) == nil {
		p.self = link
	}
	p.root, p.rootDir, p.p12, p.programs = filepath.Join(p.dir, "root.pem"), filepath.Join(p.dir, "roots"), filepath.Join(p.dir, "roots.p12"), filepath.Join(p.dir, "programs")
	var certs []*x509.Certificate
	if err = os.Mkdir(p.rootDir, 0o755); err != nil {
		return p, err
	}
	for i, der := range roots {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return p, err
		}
		certs = append(certs, c)
		if err := os.WriteFile(filepath.Join(p.rootDir, fmt.Sprintf("root%d.pem", i)), forge.PEM("CERTIFICATE", der), 0o644); err != nil {
			return p, err
		}
	}
	if openssl, lookErr := exec.LookPath("openssl"); lookErr == nil {
		_ = exec.Command(openssl, "rehash", p.rootDir).Run() // without the hashes no client that wants them is told to
	}
	store, err := pkcs12.Modern.EncodeTrustStore(certs, storePassword)
	if err != nil {
		return p, err
	}
	if err = errors.Join(os.WriteFile(p.root, forge.PEM("CERTIFICATE", roots...), 0o644), os.WriteFile(p.p12, store, 0o644), p.unpack()); err != nil {
		return p, err
	}
	return p, p.makeNSS()
}

// unpack writes the small programs of clients that are libraries.
func (p *place) unpack() error {
	if err := os.Mkdir(p.programs, 0o755); err != nil {
		return err
	}
	return fs.WalkDir(programs, "programs", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := programs.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(p.programs, path.Base(name)), b, 0o755)
	})
}

// makeNSS makes the trust store of NSS where its tool is there.
func (p *place) makeNSS() error {
	certutil, err := exec.LookPath("certutil")
	if err != nil {
		return nil
	}
	dir := filepath.Join(p.dir, "nssdb")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(p.rootDir, "root*.pem"))
	if err != nil {
		return err
	}
	if out, err := exec.Command(certutil, "-N", "-d", "sql:"+dir, "--empty-password").CombinedOutput(); err != nil {
		return fmt.Errorf("certutil: %v: %s", err, out)
	}
	for _, f := range files {
		if out, err := exec.Command(certutil, "-A", "-d", "sql:"+dir, "-n", filepath.Base(f), "-t", "C,,", "-i", f).CombinedOutput(); err != nil {
			return fmt.Errorf("certutil: %v: %s", err, out)
		}
	}
	p.nssdb = dir
	return nil
}

func (p *place) remove() { os.RemoveAll(p.dir) }

// goal is where one question leads a client.
type goal struct{ host, port, token string }

func (g goal) url() string { return "https://" + net.JoinHostPort(g.host, g.port) + "/" + g.token }

// fill puts what the placeholders stand for into a command. {verify} becomes the words by which openssl is
// told whom to expect; all others stay within their word.
func (p *place) fill(words []string, g goal, home string) []string {
	verify := []string{"-servername", g.host, "-verify_hostname", g.host}
	if net.ParseIP(g.host) != nil {
		verify = []string{"-noservername", "-verify_ip", g.host}
	}
	out := make([]string, 0, len(words)+3)
	for _, w := range words {
		if w == "{verify}" {
			out = append(out, verify...)
			continue
		}
		out = append(out, p.fillText(w, g, home))
	}
	return out
}

func (p *place) fillText(s string, g goal, home string) string {
	check := "checkHost"
	if net.ParseIP(g.host) != nil {
		check = "checkIP"
	}
	return strings.NewReplacer("{url}", g.url(), "{host}", g.host, "{port}", g.port, "{token}", g.token, "{root}", p.root, "{rootdir}", p.rootDir,
		"{p12}", p.p12, "{nssdb}", p.nssdb, "{home}", home, "{tmp}", home, "{programs}", p.programs, "{self}", p.self, "{check}", check).Replace(s)
}

// request is what a pipe gets on standard input.
func (g goal) request() string {
	return "GET /" + g.token + " HTTP/1.0\r\nHost: " + g.host + "\r\n\r\n"
}
