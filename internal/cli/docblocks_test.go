//go:build unix

package cli

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/house"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/ocsp"
)

// docPages are the pages whose commands are run here, each with the server of the lab
// that stands for example.com.
var docPages = map[string]string{"README.md": "good", "docs/commands.md": "good", "docs/install.md": "good", "docs/root-programs.md": "program-accepted", "docs/clients.md": "good"}

// quickly are commands that take long, and what of them is run: "" is nothing. With
// ASSAY_FULL=1 they run as they stand, but for those that are always shortened: the
// exam of clients takes minutes a client on a busy machine, and TestExam examines the
// same ones; the build and the whole lab are steps of .ci/run.
var quickly = []struct {
	command *regexp.Regexp
	instead string
	always  bool
}{
	{command: regexp.MustCompile(`^go install (?:-C (\S+) )?(\S+)$`), instead: "grep 'package main' ./$1/$2/main.go", always: true},
	{command: regexp.MustCompile(`^assay lab clients.* --only .*`)},
	{command: regexp.MustCompile(`^(assay lab clients .* --baseline \S+)$`), instead: "$1 --from today.json", always: true},
	{command: regexp.MustCompile(`^(assay lab clients --from .*)$`), instead: "$1"},
	{command: regexp.MustCompile(`^(assay lab clients) (--format json >.*)$`), instead: "$1 'assay check' $2", always: true},
	{command: regexp.MustCompile(`^(assay lab clients)$`), instead: "$1 --list 'assay check'", always: true},
	{command: regexp.MustCompile(`^(assay lab clients)(.*)$`), instead: "$1 --list 'assay check'$2", always: true},
	{command: regexp.MustCompile(`^assay lab check$`), instead: "assay lab check good revoked", always: true},
}

// The commands on these pages run in a shell, on servers of the lab in place of those
// that they name, and exit with 0 or as their comment says.
func TestDocCommands(t *testing.T) {
	l := startLab(t)
	full := os.Getenv("ASSAY_FULL") == "1"
	for page, name := range docPages {
		t.Run(page, func(t *testing.T) {
			blocks, err := house.BlocksFor("../..", page, "internal/cli TestDocCommands")
			if err != nil || len(blocks) == 0 {
				t.Fatalf("%d blocks, %v", len(blocks), err)
			}
			s, ok := l.Scenario(name)
			if !ok {
				t.Fatalf("the lab has no %s", name)
			}
			dir := docFiles(t, l, s)
			mail := net.JoinHostPort(s.Host, mailPort(t, s.Addr))
			names, flags := docNames(s, mail, dir), docFlags(s, mail)
			for _, b := range blocks {
				for _, line := range house.Commands(b.Text) {
					if err := house.Runnable(line); err != nil {
						t.Errorf("%s:%d: %v", page, b.Line, err)
						continue
					}
					if line = shortened(line, full); line != "" {
						runDocLine(t, l, flags, dir, page, names.Replace(line))
					}
				}
			}
		})
	}
}

// shortened is what the tier runs of a line.
func shortened(line string, full bool) string {
	command := strings.TrimSpace(comment.ReplaceAllString(line, ""))
	for _, q := range quickly {
		if q.command.MatchString(command) {
			if full && !q.always {
				return line
			}
			return strings.TrimSpace(q.command.ReplaceAllString(command, q.instead))
		}
	}
	return line
}

var comment = regexp.MustCompile(`\s{2,}#.*$`)

var statusSaid = regexp.MustCompile(`#.*exit status (\d)`)

// runDocLine runs a line of a page in dir and wants the exit status that it names.
func runDocLine(t *testing.T, l *lab.Lab, flags, dir, page, line string) {
	t.Helper()
	want := 0
	if m := statusSaid.FindStringSubmatch(line); m != nil {
		want, _ = strconv.Atoi(m[1])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	serves := strings.HasPrefix(line, "assay lab ") && !regexp.MustCompile(`^assay lab (check|list|clients)\b`).MatchString(line)
	if serves { // it serves until it is interrupted: it has to say where
		line = "exec " + line
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	peers.Tie(cmd)
	cmd.Dir = dir
	if strings.HasPrefix(line, "go ") || strings.HasPrefix(line, "grep ") {
		cmd.Dir = "../.."
	}
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "SSL_CERT_FILE="+l.RootFile, "GOBIN="+dir, testFlags+"="+flags)
	cmd.WaitDelay = 10 * time.Second // for what the shell has started
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if serves {
		serveLine(t, cmd, page, line)
		return
	}
	err := cmd.Run()
	got := cmd.ProcessState.ExitCode()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatalf("%s: %s: %v", page, line, err)
	}
	if got != want {
		t.Errorf("%s: %s\nexit status %d, the page says %d\n%s", page, line, got, want, out.String())
	}
}

// serveLine runs a lab until it has said where its servers are, and interrupts it.
func serveLine(t *testing.T, cmd *exec.Cmd, page, line string) {
	t.Helper()
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 1)
	if _, err := io.ReadFull(out, said); err != nil {
		t.Errorf("%s: %s says nothing: %v", page, line, err)
	}
	cmd.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, out)
	cmd.Wait()
}

// docFlags are the flags that a page's commands need on the lab's server.
func docFlags(s lab.Scenario, mail string) string {
	flags := []string{"--resolve", s.Target() + ":127.0.0.1", "--resolve", mail + ":127.0.0.1"}
	if s.TablesFile != "" {
		flags = append(flags, "--program-tables", s.TablesFile)
	}
	return strings.Join(flags, "\n")
}

// docNames puts the lab's server in the place of those that pages name.
func docNames(s lab.Scenario, mail, dir string) *strings.Replacer {
	return strings.NewReplacer("/usr/local/bin/myclient", filepath.Join(dir, "myclient"), "smtp://mail.example:587", "smtp://"+mail, "smtp://mail.example", "smtp://"+mail, "--name example.com", "--name "+s.Host,
		"intranet.example:8443", s.Target(), "a.example", s.Target(), "b.example:8443", s.Target(), "example.com", s.Target())
}

// mailPort is the port of a mail server on loopback that is the server at addr after
// STARTTLS.
func mailPort(t *testing.T, addr string) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go speakMail(c, addr)
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

func speakMail(c net.Conn, addr string) {
	defer c.Close()
	io.WriteString(c, "220 mail ESMTP\r\n")
	for {
		line, err := readLine(c)
		switch {
		case err != nil:
			return
		case strings.HasPrefix(strings.ToUpper(line), "EHLO"):
			io.WriteString(c, "250-mail\r\n250 STARTTLS\r\n")
			continue
		case !strings.EqualFold(line, "STARTTLS"):
			io.WriteString(c, "250 OK\r\n")
			continue
		}
		io.WriteString(c, "220 go ahead\r\n")
		server, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer server.Close()
		go func() {
			io.Copy(server, c)
			server.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(c, server)
		return
	}
}

// readLine reads a line and not a byte more: what follows may be TLS.
func readLine(c net.Conn) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < 1000; {
		if _, err := c.Read(b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			break
		}
		line = append(line, b[0])
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}

// docFiles makes a folder with the files that pages name.
func docFiles(t *testing.T, l *lab.Lab, s lab.Scenario) (dir string) {
	t.Helper()
	dir = t.TempDir()
	leaf, issuer := cert.Parse(s.Leaf), cert.Parse(s.Chain[0])
	files := map[string][]byte{
		"leaf.pem": forge.PEM("CERTIFICATE", s.Leaf), "ca.pem": forge.PEM("CERTIFICATE", s.Chain[0]),
		"chain.pem": append(forge.PEM("CERTIFICATE", s.Leaf), forge.PEM("CERTIFICATE", s.Chain[0])...),
		"list.json": l.LogList, "log_list.json": l.LogList, "hosts.txt": []byte(s.Target() + "\n"), "in": []byte("GET / HTTP/1.0\r\n\r\n"),
		"myclient": []byte("#!/bin/sh\nexec curl --silent --cacert \"$2\" \"$3\"\n"),
	}
	fetch := func(resp *http.Response, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if len(leaf.CRLPoints) > 0 {
		files["list.crl"] = fetch(http.Get(leaf.CRLPoints[0].FullName[0].Value))
	}
	if len(leaf.OCSPServers) > 0 {
		files["response.der"] = fetch(http.Post(leaf.OCSPServers[0], "application/ocsp-request", bytes.NewReader(ocsp.NewRequest(leaf, issuer, crypto.SHA1, nil))))
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The definition of a client on the page of the exam is one.
func TestDocDefinitions(t *testing.T) {
	blocks, err := house.BlocksFor("../..", "docs/clients.md", "internal/cli TestDocDefinitions")
	if err != nil || len(blocks) != 1 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	file := filepath.Join(t.TempDir(), "clients.json")
	if err := os.WriteFile(file, []byte(blocks[0].Text), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := run("", "lab", "clients", "--clients", file, "--list", "mycmd*"); status != 0 || !strings.Contains(out, "mycmd") || !strings.Contains(out, "mycmd --ocsp") {
		t.Errorf("exit status %d\n%s%s", status, out, errs)
	}
}

// What the README says of other programs they do: curl and OpenSSL connect to a server
// whose staple says that it is revoked.
func TestReadmeTable(t *testing.T) {
	l := startLab(t)
	s, _ := l.Scenario("revoked-by-staple")
	curl := append([]string{"--silent", "--show-error", "--output", os.DevNull, "--write-out", "%{http_code}"}, l.Curl(s)...)
	for _, c := range []struct {
		program string
		args    []string
		status  int
		says    []string
	}{
		{"curl", curl, 0, []string{"200"}},
		{"curl", append([]string{"--cert-status"}, curl...), 91, nil},
		{"openssl", []string{"s_client", "-status", "-verify_return_error", "-CAfile", l.RootFile, "-connect", s.Addr, "-servername", s.Host}, 0, []string{"Cert Status: revoked", "Verification: OK"}},
	} {
		program := peers.Path(t, c.program)
		cmd := exec.CommandContext(t.Context(), program, c.args...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.status {
			t.Errorf("%s: exit status %d, the README says %d\n%s", cmd, got, c.status, out)
		}
		for _, text := range c.says {
			if !strings.Contains(string(out), text) {
				t.Errorf("%s does not say %q\n%s", cmd, text, out)
			}
		}
	}
}
