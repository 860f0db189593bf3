// Command pipe measures assay connect beside openssl s_client -quiet, as whole
// processes against one TLS 1.3 server on loopback, interleaved in one run: the
// time for a large download and for a large upload, the memory used, and the
// time to connect and end.
//
//	go run ./internal/bench/pipe [-bytes N] [-rounds N]
//
// It prints medians. Nothing passes or fails by time.
package main

import (
	"crypto/tls"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

func main() {
	size := flag.Int64("bytes", 1<<30, "how much is carried")
	rounds := flag.Int("rounds", 3, "how often each program runs")
	flag.Parse()
	if err := run(*size, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "pipe:", err)
		os.Exit(1)
	}
}

// subject is one program that is measured.
type subject struct {
	name string
	args []string
}

// usage is the outcome of one run.
type usage struct {
	took time.Duration
	kib  int64 // largest resident set
}

func run(size int64, rounds int) error {
	dir, err := os.MkdirTemp("", "assay-pipe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-trimpath", "-o", dir+"/", "./cmd/assay")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building assay (run this from the module's root): %w", err)
	}
	port, root, err := serve(dir)
	if err != nil {
		return err
	}
	subjects := []subject{
		{"assay connect", []string{filepath.Join(dir, "assay"), "connect", "localhost:" + port, "--resolve", "localhost:" + port + ":127.0.0.1",
			"--roots", root, "--offline", "--cache-dir", dir + "/cache", "--on-eof", "wait"}},
		{"openssl s_client", []string{"openssl", "s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost",
			"-CAfile", root, "-connect", "127.0.0.1:" + port, "-servername", "localhost"}},
	}
	for _, job := range []struct {
		name     string
		down, up int64
		rounds   int
	}{{"connect and end", 1, 1, rounds * 7}, {"download", size, 1, rounds}, {"upload", 1, size, rounds}} {
		results := make([][]usage, len(subjects))
		for range job.rounds {
			for i, s := range subjects {
				u, err := s.run(job.down, job.up)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, job.name, err)
				}
				results[i] = append(results[i], u)
			}
		}
		for i, s := range subjects {
			m := median(results[i])
			fmt.Printf("%-16s %-17s %10s", job.name, s.name, m.took.Round(time.Millisecond/10))
			if n := max(job.down, job.up); n > 1 {
				fmt.Printf(" %7.0f MB/s", float64(n)/1e6/m.took.Seconds())
			}
			fmt.Printf(" %6d KiB\n", m.kib)
		}
	}
	return nil
}

func median(us []usage) usage {
	slices.SortFunc(us, func(a, b usage) int { return int(a.took - b.took) })
	return us[len(us)/2]
}

// run carries up bytes to the server and asks for down bytes.
func (s subject) run(down, up int64) (usage, error) {
	cmd := exec.Command(s.args[0], s.args[1:]...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return usage{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return usage{}, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	go func() {
		// The input stays open: s_client would leave at its end.
		binary.Write(stdin, binary.BigEndian, []int64{down, up})
		io.Copy(stdin, io.LimitReader(zeros{}, up))
	}()
	got, err := io.Copy(io.Discard, stdout)
	if err != nil {
		return usage{}, err
	}
	took := time.Since(begin)
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		return usage{}, err
	}
	if got != down {
		return usage{}, fmt.Errorf("%d of %d bytes came", got, down)
	}
	return usage{took, maxRSS(cmd.ProcessState)}, nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// serve answers each connection: it reads two numbers, then as many bytes as
// the second, writes as many as the first, and says close_notify.
func serve(dir string) (port, rootFile string, err error) {
	root := forge.NewRoot("Pipe Root", nil)
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Key: key, Extensions: root.ServerExts(key, forge.DNS("localhost"))})
	rootFile = filepath.Join(dir, "root.pem")
	if err := os.WriteFile(rootFile, forge.PEM("CERTIFICATE", root.Raw), 0o600); err != nil {
		return "", "", err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, DynamicRecordSizingDisabled: true})
	if err != nil {
		return "", "", err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var n [2]int64
				if binary.Read(c, binary.BigEndian, &n) != nil {
					return
				}
				if _, err := io.CopyBuffer(onlyWriter{io.Discard}, io.LimitReader(c, n[1]), make([]byte, 1<<16)); err != nil {
					return
				}
				io.CopyBuffer(onlyWriter{c}, io.LimitReader(zeros{}, n[0]), make([]byte, 1<<16))
			}()
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return port, rootFile, err
}

// onlyWriter keeps io.Copy from choosing a way of its own.
type onlyWriter struct{ io.Writer }
