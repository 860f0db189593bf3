package main

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// size is how large a load is.
type size struct {
	Hosts, Roots, Intermediates, Logs int
	Parts, Entries                    int     // CRLs of leaves, and the entries of each
	Revoked                           float64 // share of the hosts
	P384                              bool    // the roots, and every second intermediate, have P-384 keys
}

// load is the servers of one run: each has its own address in 127/8, its own key and
// a certificate with two SCTs and the addresses of a CRL and of its issuer.
type load struct {
	certs   []tls.Certificate // by host
	lists   map[string][]byte // by path
	roots   []byte            // PEM
	logs    []byte            // the log list
	revoked int
}

// address is where host i is.
func address(i int) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 127<<24+1<<16+uint32(i))
	return netip.AddrFrom4(a)
}

// hostAt is the inverse of address.
func hostAt(a netip.Addr) int {
	b := a.As4()
	return int(binary.BigEndian.Uint32(b[:]) - 127<<24 - 1<<16)
}

// generate makes the load; web is where its lists will be, "http://127.0.0.1:8080".
func generate(s size, web string) *load {
	l := &load{certs: make([]tls.Certificate, s.Hosts), lists: map[string][]byte{}}
	caKey := func(i int) *forge.Key {
		if s.P384 && i%2 == 0 {
			return forge.NewKey("P-384")
		}
		return forge.P256()
	}
	var roots, cas []*forge.CA
	for i := range s.Roots {
		r := forge.NewRoot(fmt.Sprint("Load Root ", i), caKey(0))
		roots, l.roots = append(roots, r), append(l.roots, forge.PEM("CERTIFICATE", r.Raw)...)
		path := fmt.Sprintf("/root/%d.crl", i)
		l.lists[path] = r.CRL(forge.CRL{})
	}
	for i := range s.Intermediates {
		r := i % s.Roots
		cas = append(cas, roots[r].Intermediate(fmt.Sprint("Load CA ", i), caKey(i), forge.EKU(forge.ServerAuth), forge.Policies("2.23.140.1.2.1"),
			forge.CRLDP(fmt.Sprintf("%s/root/%d.crl", web, r))))
	}
	var logs []forge.Log
	for i := range s.Logs {
		logs = append(logs, forge.Log{Key: forge.P256(), Description: fmt.Sprint("Load Log ", i), Operator: fmt.Sprint("Operator ", i%3), URL: fmt.Sprintf("https://log%d.test/", i)})
	}
	l.logs = forge.LogList(time.Now(), logs...)

	revoked := make([][]forge.Entry, s.Parts)
	every := 0
	if s.Revoked > 0 {
		every = int(1 / s.Revoked)
	}
	for i := range l.certs {
		// A list is of one issuer: part k of issuer k modulo their number.
		part := i % s.Parts
		ca := cas[part%len(cas)]
		name := fmt.Sprintf("host%d.load.test", i)
		key := forge.P256()
		exts := append(ca.ServerExts(key, forge.IP(address(i).String()), forge.DNS(name), forge.DNS("www."+name)),
			forge.Policies("2.23.140.1.2.1"), forge.AIA(nil, []string{fmt.Sprintf("%s/ca/%d.crt", web, part%len(cas))}),
			forge.CRLDP(fmt.Sprintf("%s/part/%d.crl", web, part)))
		leaf := ca.WithSCTs(forge.Cert{Subject: forge.CN(name), Key: key, Extensions: exts}, func(tbs []byte) [][]byte {
			a, b := logs[i%len(logs)], logs[(i+1)%len(logs)]
			return [][]byte{forge.SCT{}.SignPrecert(a.Key, ca.Key, tbs), forge.SCT{}.SignPrecert(b.Key, ca.Key, tbs)}
		})
		if every > 0 && i%every == every-1 {
			revoked[part] = append(revoked[part], forge.Revoke(leaf.Serial, forge.KeyCompromise))
			l.revoked++
		}
		l.certs[i] = leaf.TLS(ca.Raw)
	}
	for k := range s.Parts {
		entries := revoked[k]
		for len(entries) < s.Entries {
			entries = append(entries, forge.Revoke(forge.RandomSerial(), forge.Superseded))
		}
		path := fmt.Sprintf("/part/%d.crl", k)
		idp := forge.IDP{FullName: [][]byte{forge.URI(web + path)}, OnlyUser: true}.Ext()
		l.lists[path] = cas[k%len(cas)].CRL(forge.CRL{Entries: entries, Extensions: []forge.Ext{idp}})
	}
	return l
}

// place says where a running load is, and what it must come to.
type place struct {
	Dir     string
	Port    string // TLS, on every address of 127/8
	Slow    string // the same, after the server has waited
	Size    size
	Revoked int
}

// files are what clients need, below the directory of a load.
func (p place) roots() string   { return filepath.Join(p.Dir, "roots.pem") }
func (p place) logs() string    { return filepath.Join(p.Dir, "log_list.json") }
func (p place) targets() string { return filepath.Join(p.Dir, "targets.txt") }

// write writes the files that clients need.
func (l *load) write(p place) error {
	var targets []byte
	for i := range l.certs {
		targets = append(append(targets, address(i).String()...), '\n')
	}
	place, err := json.Marshal(p)
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{p.roots(): l.roots, p.logs(): l.logs, p.targets(): targets, filepath.Join(p.Dir, "place.json"): place} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func readPlace(dir string) (p place, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "place.json"))
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	return p, err
}
