package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/bench/cpu"
	"github.com/assaytls/assay/internal/bench/crlgen"
	"github.com/assaytls/assay/internal/store"
)

var cacheKey = store.Key{Kind: "crl", URL: "http://bench.test/list.crl", Issuer: [32]byte{1}}

// fill puts a list and its index into a cache.
func fill(dir, list string, spki []byte) error {
	key, err := cert.ParsePublicKey(spki)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	if err := s.Put(cacheKey, store.Entry{Body: b}); err != nil {
		return err
	}
	l, err := crl.Parse(context.Background(), b)
	if err != nil {
		return err
	}
	if err := l.VerifySignature(nil, key); err != nil { // as a judge does before
		return err
	}
	if x := l.Index(); x != nil {
		return s.PutIndex(cacheKey, sha256.Sum256(b), x)
	}
	return nil
}

// child answers once and prints nanoseconds and kB of anonymous memory, after
// "one:" on one processor. After
// "running:" it answers three times, each from the start, and tells of the
// last: that is a process which has seen lists, but not this one.
func child(args []string) error {
	how, running := strings.CutPrefix(args[0], "running:")
	if rest, one := strings.CutPrefix(how, "one:"); one {
		how = rest
		runtime.GOMAXPROCS(1)
	}
	file := args[1]
	spki, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	if running {
		for range 2 {
			if err := answer(how, file, spki); err != nil {
				return err
			}
		}
	}
	start, worked := time.Now(), cpu.Process()
	if err := answer(how, file, spki); err != nil {
		return err
	}
	took := time.Since(start)
	fmt.Println(took.Nanoseconds(), (cpu.Process() - worked).Nanoseconds(), anonymous())
	return nil
}

func answer(how, file string, spki []byte) error {
	switch how {
	case "sha256":
		b, err := mapped(file)
		sha256.Sum256(b)
		return err
	case "x509":
		return viaX509(file, spki)
	}
	key, err := cert.ParsePublicKey(spki)
	if err != nil {
		return err
	}
	absent := crlgen.Serial(-1)
	var l *crl.List
	switch how {
	case "scan":
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		l, err = crl.Scan(context.Background(), f, absent)
		if err != nil {
			return err
		}
	case "parse":
		b, err := mapped(file)
		if err != nil {
			return err
		}
		if l, err = crl.Parse(context.Background(), b); err != nil {
			return err
		}
	case "cached":
		s, err := store.Open(file)
		if err != nil {
			return err
		}
		e, ok := s.Get(cacheKey)
		defer runtime.KeepAlive(e.Owner)
		if !ok {
			return errors.New("not cached")
		}
		if e.Index != nil {
			l, err = crl.Restore(e.Body, e.Index)
		} else {
			l, err = crl.Parse(context.Background(), e.Body)
		}
		if err != nil {
			return err
		}
	}
	if err := l.VerifySignature(nil, key); err != nil {
		return err
	}
	found, err := l.Listed(absent)
	if found {
		return errors.New("an absent serial number was found")
	}
	return err
}

func viaX509(file string, spki []byte) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l, err := x509.ParseRevocationList(b)
	if err != nil {
		return err
	}
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return err
	}
	issuer := &x509.Certificate{PublicKey: key, PublicKeyAlgorithm: x509.ECDSA}
	if err := issuer.CheckSignature(l.SignatureAlgorithm, l.RawTBSRevocationList, l.Signature); err != nil {
		return err
	}
	absent := new(big.Int).SetBytes(crlgen.Serial(-1))
	for _, e := range l.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(absent) == 0 {
			return errors.New("an absent serial number was found")
		}
	}
	return nil
}

// anonymous is RssAnon of this process in kB, 0 where /proc does not tell.
func anonymous() int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(b, []byte("RssAnon:"))
	fields := strings.Fields(string(rest))
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(fields[0])
	return n
}
