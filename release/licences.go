package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// platforms are what a release is built for.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64", "freebsd/amd64", "freebsd/arm64"}

// text is one file of licence or notice.
type text struct {
	Name string // as it is shown: the module and the file in it
	Body []byte
}

// part is a module that is linked into a program.
type part struct {
	Path     string
	Licences []string // SPDX identifiers, sorted
	Programs []string
	texts    []text
}

// accepted are the licences that a program under Apache-2.0 may be linked with and passed on as a binary.
var accepted = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "Unlicense", "blessing"}

// signs are sentences by which a licence is known. A file may hold several licences.
var signs = []struct{ id, has, hasNot string }{
	{"Apache-2.0", "apache license version 2.0", ""},
	{"Apache-2.0", "licensed under the apache license, version 2.0", ""},
	{"MPL-2.0", "mozilla public license version 2.0", ""},
	{"MPL-2.0", "mozilla public license, v. 2.0", ""},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining", ""},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that", ""},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted, provided that", ""},
	{"0BSD", "distribute this software for any purpose with or without fee is hereby granted.", ""},
	{"BSD-3-Clause", "may be used to endorse or promote products derived", ""},
	{"BSD-2-Clause", "redistribution and use in source and binary forms", "may be used to endorse or promote products derived"},
	{"Unlicense", "this is free and unencumbered software released into the public domain", ""},
	{"CC0-1.0", "cc0 1.0 universal", ""},
	// Not accepted: they are named so that a file that offers them beside another licence is looked at by a person.
	{"GPL", "gnu general public license", ""},
	{"LGPL", "gnu lesser general public license", ""},
	{"AGPL", "gnu affero general public license", ""},
	{"SSPL", "server side public license", ""},
	{"BUSL", "business source license", ""},
}

// reviewed are the files that no sentence decides and a person has read. A file that changes is read again.
var reviewed = map[string]struct {
	sum string // the first digits of its SHA-256
	ids []string
	why string
}{
	"modernc.org/sqlite/LICENSE-SQLITE":       {"8438c9c89b849131", []string{"blessing"}, "SQLite is in the public domain; SPDX calls that blessing."},
	"modernc.org/sqlite/LICENSE-3RD-PARTY.md": {"f4a00ade8f4057ab", []string{"BSD-3-Clause", "MIT"}, "It quotes the licences of the module's dependencies, which are read in their own modules. MPL-2.0 in it is of one that its tests use, and the MPL's text names the GNU licences."},
	"modernc.org/memory/LICENSE-LOGO":         {"5ae5bee3072a8413", nil, "It tells where a picture of its README comes from. The picture is not linked."},
}

var (
	spaces      = regexp.MustCompile(`[\s*/#]+`)
	licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|copyright)([-._].*)?$`)
	noticeName  = regexp.MustCompile(`(?i)^(notice|patents|authors-notice)([-._].*)?$`)
)

// recognise returns the licences that a text is, sorted.
func recognise(body []byte) (ids []string) {
	plain := strings.ToLower(spaces.ReplaceAllString(string(body), " "))
	// MPL-2.0 names the GNU licences as secondary ones, which every file under it may become.
	mpl := strings.Contains(plain, "mozilla public license version 2.0")
	for _, s := range signs {
		if !strings.Contains(plain, s.has) || s.hasNot != "" && strings.Contains(plain, s.hasNot) || mpl && strings.HasSuffix(s.id, "GPL") {
			continue
		}
		ids = append(ids, s.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// program is what a release ships: where its module is and which package it is.
type program struct{ name, module, pkg string }

func programsOf(root, fleet string) []program {
	return []program{{"assay", root, "./cmd/assay"}, {"assay-fleet", fleet, "./cmd/assay-fleet"}}
}

// linked returns the parts of the programs over all platforms, by the module's path.
func linked(programs []program) (map[string]*part, error) {
	parts := map[string]*part{}
	seen := map[string]bool{} // directories whose texts are read
	for _, p := range programs {
		dirs := map[string]string{} // of packages, to the module's path
		roots := map[string]string{}
		for _, platform := range platforms {
			goos, goarch, _ := strings.Cut(platform, "/")
			c := exec.Command("go", "list", "-deps", "-f", `{{if .Module}}{{.Module.Path}}{{"\t"}}{{.Module.Dir}}{{"\t"}}{{.Dir}}{{end}}`, p.pkg)
			c.Dir, c.Stderr = p.module, os.Stderr
			c.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOWORK=off")
			out, err := c.Output()
			if err != nil {
				return nil, fmt.Errorf("go list of %s for %s: %w", p.name, platform, err)
			}
			for line := range strings.Lines(string(out)) {
				f := strings.Split(strings.TrimSpace(line), "\t")
				if len(f) == 3 {
					dirs[f[2]], roots[f[0]] = f[0], f[1]
				}
			}
		}
		goroot, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			return nil, err
		}
		roots["std"] = strings.TrimSpace(string(goroot))
		dirs[roots["std"]] = "std"
		for _, dir := range slices.Sorted(maps.Keys(dirs)) {
			path := dirs[dir]
			m := parts[path]
			if m == nil {
				m = &part{Path: path}
				parts[path] = m
			}
			if !slices.Contains(m.Programs, p.name) {
				m.Programs = append(m.Programs, p.name)
			}
			for d := dir; ; d = filepath.Dir(d) { // packages may have a licence of their own above the module's
				if !seen[d] {
					seen[d] = true
					if err := m.read(d, roots[path]); err != nil {
						return nil, err
					}
				}
				if d == roots[path] || len(d) <= len(roots[path]) {
					break
				}
			}
		}
	}
	for path, m := range parts { // a nested module of ours stands under the root's licence
		if strings.HasPrefix(path, ours+"/") && parts[ours] != nil {
			m.Licences = parts[ours].Licences
		}
	}
	return parts, judgeLicences(parts)
}

// read adds the licences and notices that stand in dir, a directory of the module at root.
func (m *part) read(dir, root string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		licence := licenceName.MatchString(e.Name())
		if !e.Type().IsRegular() || filepath.Ext(e.Name()) == ".go" || !licence && !noticeName.MatchString(e.Name()) {
			continue
		}
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		m.texts = append(m.texts, text{m.Path + "/" + filepath.ToSlash(rel), body})
		if licence {
			ids := recognise(body)
			known, ok := reviewed[m.texts[len(m.texts)-1].Name]
			if ok && strings.HasPrefix(fmt.Sprintf("%x", sha256.Sum256(body)), known.sum) {
				ids = known.ids
			} else if len(ids) == 0 {
				ids = []string{"unknown:" + filepath.ToSlash(rel)}
			}
			m.Licences = append(m.Licences, ids...)
		}
	}
	slices.Sort(m.Licences)
	m.Licences = slices.Compact(m.Licences)
	slices.SortFunc(m.texts, func(a, b text) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// judgeLicences says which part has no licence, or one that nobody has accepted.
func judgeLicences(parts map[string]*part) error {
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(parts)) {
		m := parts[path]
		if len(m.Licences) == 0 {
			errs = append(errs, fmt.Errorf("%s has no licence file", path))
		}
		for _, id := range m.Licences {
			if !slices.Contains(accepted, id) {
				errs = append(errs, fmt.Errorf("%s is under %s, which is not in the list of accepted licences", path, id))
			}
		}
	}
	return errors.Join(errs...)
}

// table is release/licences.md. It has no versions: those stand in go.mod and in each release's bill of materials.
func table(parts map[string]*part) []byte {
	var b bytes.Buffer
	b.WriteString("# Licences of what the programs are linked with\n\nMade by `go run . licences -table licences.md .. ../fleet` in `release/`; a test compares it.\nThe texts are in every archive and package. `std` is Go's standard library.\n\n| Module | Licences | Linked into |\n|---|---|---|\n")
	for _, path := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", path, strings.Join(parts[path].Licences, ", "), strings.Join(parts[path].Programs, ", "))
	}
	return b.Bytes()
}

// writeTexts writes THIRD-PARTY-assay.txt and THIRD-PARTY-assay-fleet.txt, and licences.json for the bill of materials.
func writeTexts(dir string, parts map[string]*part, programs []program) error {
	ids := map[string][]string{}
	for path, m := range parts {
		ids[path] = m.Licences
	}
	for _, p := range programs {
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s is linked with the modules below. Each stands under the licence that follows its name.\n", p.name)
		for _, path := range slices.Sorted(maps.Keys(parts)) {
			m := parts[path]
			if !slices.Contains(m.Programs, p.name) || path == ours {
				continue
			}
			for _, t := range m.texts {
				fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), t.Name, bytes.TrimSpace(t.Body))
			}
		}
		// Parts of our own tree that came from elsewhere.
		for _, t := range parts[ours].texts {
			if t.Name != ours+"/LICENSE" {
				fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), t.Name, bytes.TrimSpace(t.Body))
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "THIRD-PARTY-"+p.name+".txt"), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	b, err := json.MarshalIndent(ids, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "licences.json"), append(b, '\n'), 0o644)
}

const ours = "github.com/assaytls/assay"

func licencesCommand(args []string) error {
	if len(args) != 3 && (len(args) != 4 || args[0] != "-table" && args[0] != "-check") {
		return errors.New(usage)
	}
	modules := args[len(args)-2:]
	if len(args) == 3 {
		modules = args[:2]
	}
	programs := programsOf(modules[0], modules[1])
	parts, err := linked(programs)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 3:
		return writeTexts(args[2], parts, programs)
	case args[0] == "-table":
		return os.WriteFile(args[1], table(parts), 0o644)
	}
	have, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	if !bytes.Equal(have, table(parts)) {
		return fmt.Errorf("%s is out of date: go run . licences -table %[1]s %s %s", args[1], modules[0], modules[1])
	}
	return nil
}
