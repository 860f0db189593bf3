package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The table names every module that is linked into a program on any platform, each under a licence that was
// accepted, and nothing else.
func TestLicencesTable(t *testing.T) {
	if err := licencesCommand([]string{"-check", "licences.md", "..", "../fleet"}); err != nil {
		t.Fatal(err)
	}
}

func TestRecognise(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		{"The MIT License\nPermission is hereby granted, free of charge, to any\nperson obtaining a copy", []string{"MIT"}},
		{" * Redistribution and use in source\n * and binary forms, with or without", []string{"BSD-2-Clause"}},
		{"Redistribution and use in source and binary forms ... may be used to endorse or promote products derived from", []string{"BSD-3-Clause"}},
		{"Apache License\n   Version 2.0, January 2004", []string{"Apache-2.0"}},
		{"GNU General Public License, or MIT: Permission is hereby granted, free of charge, to any person obtaining", []string{"GPL", "MIT"}},
		{"Mozilla Public License Version 2.0 ... the GNU General Public License", []string{"MPL-2.0"}},
		{"All rights reserved.", nil},
	} {
		if got := recognise([]byte(c.body)); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.body, got, c.want)
		}
	}
}

// A module without a licence, with an unknown one, or with one that nobody accepted stops the release.
func TestLicencesRefused(t *testing.T) {
	for name, body := range map[string]string{"": "", "LICENSE": "All rights reserved.", "COPYING": "GNU Affero General Public License"} {
		dir := t.TempDir()
		if name != "" {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m := &part{Path: "example.com/m"}
		if err := m.read(dir, dir); err != nil {
			t.Fatal(err)
		}
		if err := judgeLicences(map[string]*part{m.Path: m}); err == nil || !strings.Contains(err.Error(), "example.com/m") {
			t.Errorf("%q: %v", body, err)
		}
	}
}
