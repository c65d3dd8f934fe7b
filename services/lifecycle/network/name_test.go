package network_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

var (
	label63 = strings.Repeat("a", 63)
	// name253 is the longest name that DNS has, name232 the longest whose
	// ownership record fits.
	name253 = strings.Join([]string{label63, label63, label63, strings.Repeat("a", 57), "com"}, ".")
	name232 = strings.Join([]string{label63, label63, label63, strings.Repeat("a", 36), "com"}, ".")
)

func TestParseName_takes(t *testing.T) {
	for input, want := range map[string]network.Name{
		"shop.example.com":        {ASCII: "shop.example.com", Unicode: "shop.example.com"},
		" \tShop.EXAMPLE.com\n":   {ASCII: "shop.example.com", Unicode: "shop.example.com"},
		"\u00a0shop.example.com ": {ASCII: "shop.example.com", Unicode: "shop.example.com"},
		"example.com":             {ASCII: "example.com", Unicode: "example.com"},
		"shop.co.uk":              {ASCII: "shop.co.uk", Unicode: "shop.co.uk"},
		"shop.github.io":          {ASCII: "shop.github.io", Unicode: "shop.github.io"},
		"www.ck":                  {ASCII: "www.ck", Unicode: "www.ck"},
		"a.not-a-tld":             {ASCII: "a.not-a-tld", Unicode: "a.not-a-tld"},
		"1-2.3com.example.com":    {ASCII: "1-2.3com.example.com", Unicode: "1-2.3com.example.com"},
		label63 + ".com":          {ASCII: label63 + ".com", Unicode: label63 + ".com"},
		name232:                   {ASCII: name232, Unicode: name232},

		"münchen.de":           {ASCII: "xn--mnchen-3ya.de", Unicode: "münchen.de"},
		"MÜNCHEN.DE":           {ASCII: "xn--mnchen-3ya.de", Unicode: "münchen.de"},
		"mu\u0308nchen.de":     {ASCII: "xn--mnchen-3ya.de", Unicode: "münchen.de"},
		"xn--mnchen-3ya.de":    {ASCII: "xn--mnchen-3ya.de", Unicode: "münchen.de"},
		"XN--MNCHEN-3YA.de":    {ASCII: "xn--mnchen-3ya.de", Unicode: "münchen.de"},
		"faß.de":               {ASCII: "xn--fa-hia.de", Unicode: "faß.de"},
		"ｓｈｏｐ。example.com":     {ASCII: "shop.example.com", Unicode: "shop.example.com"},
		"пример.рф":            {ASCII: "xn--e1afmkfd.xn--p1ai", Unicode: "пример.рф"},
		"рос.орг":              {ASCII: "xn--n1ade.xn--c1avg", Unicode: "рос.орг"},
		"пример.com":           {ASCII: "xn--e1afmkfd.com", Unicode: "пример.com"},
		"日本ラーメンabc.jp":         {ASCII: "xn--abc-pp4bob9c1c8684ddoc.jp", Unicode: "日本ラーメンabc.jp"},
		"ラーメン・テスト.jp":          {ASCII: "xn--zckzah1hrb9cwcf.jp", Unicode: "ラーメン・テスト.jp"},
		"大韓한글abc.com":          {ASCII: "xn--abc-zd8e997yh21agu1d.com", Unicode: "大韓한글abc.com"},
		"l·l.cat":              {ASCII: "xn--ll-0ea.cat", Unicode: "l·l.cat"},
		"שלום.com":             {ASCII: "xn--9dbne9b.com", Unicode: "שלום.com"},
		"نامه\u200cای.com":     {ASCII: "xn--mgba3gch31f060k.com", Unicode: "نامه\u200cای.com"},
		"shop\u200b.example.x": {ASCII: "shop.example.x", Unicode: "shop.example.x"},
	} {
		if got, err := network.ParseName(input, network.NamePolicy{}); err != nil || got != want {
			t.Errorf("ParseName(%q) = %+v, %v, want %+v", input, got, err, want)
		}
	}
}

// Every defect is named by its own message, with what to write instead.
func TestParseName_refuses(t *testing.T) {
	const (
		invalid = network.CodeNameInvalid
		idn     = network.CodeNameIDN
		suffix  = network.CodeNamePublicSuffix
	)
	for input, want := range map[string]struct{ code, message string }{
		"":                       {invalid, "The name is empty; write a hostname such as shop.example.com."},
		" ":                      {invalid, "The name is empty; write a hostname such as shop.example.com."},
		"shop\x00.example.com":   {invalid, "The name has a line break, a tab or another control character; write one hostname."},
		"a.com\nb.com":           {invalid, "The name has a line break, a tab or another control character; write one hostname."},
		"a\xff.com":              {invalid, "The name is not valid UTF-8; type it instead of pasting it."},
		"a.com b.com":            {invalid, "The name has a space inside; write one hostname such as shop.example.com."},
		"a.com,b.com":            {invalid, "',' is not allowed in a hostname; use letters, digits and hyphens in 'com,b'."},
		"a%20b.example.com":      {invalid, "'%' is not allowed in a hostname; use letters, digits and hyphens in 'a%20b'."},
		"https://":               {invalid, "Remove 'https://' and write a hostname such as shop.example.com."},
		"my_shop.example.com":    {invalid, "'_' is not allowed in a hostname that needs a certificate; use '-' in 'my_shop'."},
		"-shop.example.com":      {invalid, "The label '-shop' starts or ends with a hyphen; remove it."},
		"shop-.example.com":      {invalid, "The label 'shop-' starts or ends with a hyphen; remove it."},
		"ab--cd.example.com":     {invalid, "The label 'ab--cd' has hyphens in the third and fourth place, which are reserved; use one hyphen."},
		"*.example.com":          {invalid, "Wildcards are not supported yet; add each hostname by itself, for instance www.example.com."},
		"*":                      {invalid, "Wildcards are not supported yet; add each hostname by itself, for instance www.example.com."},
		"shop.example.com.":      {invalid, "Remove the trailing dot: shop.example.com only."},
		"shop.example.com。":      {invalid, "Remove the trailing dot: shop.example.com only."},
		".example.com":           {invalid, "Remove the leading dot: example.com only."},
		"shop..example.com":      {invalid, "'shop..example.com' has nothing between two dots; remove one dot."},
		"..":                     {invalid, "The name has only dots; write a hostname such as shop.example.com."},
		"192.0.2.1":              {invalid, "'192.0.2.1' is an address or a number; write a hostname such as shop.example.com."},
		"192.0.2.1.":             {invalid, "'192.0.2.1.' is an address or a number; write a hostname such as shop.example.com."},
		"http://192.0.2.1:80/":   {invalid, "'192.0.2.1' is an address or a number; write a hostname such as shop.example.com."},
		"１２７.0.0.1":              {invalid, "'127.0.0.1' is an address or a number; write a hostname such as shop.example.com."},
		"2001:db8::1":            {invalid, "'2001:db8::1' is an address or a number; write a hostname such as shop.example.com."},
		"[2001:db8::1]:80":       {invalid, "'2001:db8::1' is an address or a number; write a hostname such as shop.example.com."},
		"2130706433":             {invalid, "'2130706433' is an address or a number; write a hostname such as shop.example.com."},
		"127.0x1":                {invalid, "'127.0x1' is an address or a number; write a hostname such as shop.example.com."},
		"shop.123":               {invalid, "'shop.123' is an address or a number; write a hostname such as shop.example.com."},
		"my-shop":                {invalid, "'my-shop' is a single label; write the whole name, for instance my-shop.example.com."},
		label63 + "a.com":        {invalid, "The label '" + label63 + "a' has 64 bytes; DNS allows 63 between two dots."},
		"a" + name253:            {invalid, "The label 'a" + label63 + "' has 64 bytes; DNS allows 63 between two dots."},
		"a." + name253[1:]:       {invalid, "The name has 254 bytes; DNS allows 253."},
		name253:                  {invalid, "The name has 253 bytes; use one of at most 232, or its ownership record '_siteplane-challenge.…' does not fit into DNS."},
		"a." + name232[1:]:       {invalid, "The name has 233 bytes; use one of at most 232, or its ownership record '_siteplane-challenge.…' does not fit into DNS."},
		strings.Repeat("a", 2e6): {invalid, "The name has 2000000 bytes; DNS allows 253."},

		"https://Shop.example.com/cart?x=1": {invalid, "Remove 'https://': shop.example.com only."},
		"HTTP://u:p@shop.example.com:80/":   {invalid, "Remove 'http://': shop.example.com only."},
		"shop.example.com/":                 {invalid, "Remove '/': shop.example.com only."},
		"shop.example.com/cart":             {invalid, "Remove '/cart': shop.example.com only."},
		`shop.example.com\cart`:             {invalid, `Remove '\cart': shop.example.com only.`},
		"shop.example.com?to=https://b.com": {invalid, "Remove '?to=https://b.com': shop.example.com only."},
		"shop.example.com#top":              {invalid, "Remove '#top': shop.example.com only."},
		"//shop.example.com":                {invalid, "Remove '//shop.example.com': shop.example.com only."},
		"shop.example.com:8080":             {invalid, "Remove ':8080': shop.example.com only."},
		"u:secret@shop.example.com":         {invalid, "Remove everything up to '@': shop.example.com only."},

		"shop.test":        {invalid, "'test' is a reserved top-level domain (RFC 6761) that visitors cannot reach; use a name below a domain that you registered."},
		"a.example":        {invalid, "'example' is a reserved top-level domain (RFC 6761) that visitors cannot reach; use a name below a domain that you registered."},
		"a.invalid":        {invalid, "'invalid' is a reserved top-level domain (RFC 6761) that visitors cannot reach; use a name below a domain that you registered."},
		"localhost":        {invalid, "'localhost' is a reserved top-level domain (RFC 6761) that visitors cannot reach; use a name below a domain that you registered."},
		"a.localhost":      {invalid, "'localhost' is a reserved top-level domain (RFC 6761) that visitors cannot reach; use a name below a domain that you registered."},
		"printer.local":    {invalid, "'local' is a reserved top-level domain (RFC 6762) that visitors cannot reach; use a name below a domain that you registered."},
		"a.internal":       {invalid, "'internal' is a reserved top-level domain (ICANN) that visitors cannot reach; use a name below a domain that you registered."},
		"a.onion":          {invalid, "'onion' is a reserved top-level domain (RFC 7686) that visitors cannot reach; use a name below a domain that you registered."},
		"a.alt":            {invalid, "'alt' is a reserved top-level domain (RFC 9476) that visitors cannot reach; use a name below a domain that you registered."},
		"router.home.arpa": {invalid, "'arpa' is a reserved top-level domain (RFC 3172) that visitors cannot reach; use a name below a domain that you registered."},

		"com":       {suffix, "com is a public suffix, below which anybody may register; use a name below it, for instance shop.com."},
		"CO.uk":     {suffix, "co.uk is a public suffix, below which anybody may register; use a name below it, for instance shop.co.uk."},
		"github.io": {suffix, "github.io is a public suffix, below which anybody may register; use a name below it, for instance shop.github.io."},
		"foo.ck":    {suffix, "foo.ck is a public suffix, below which anybody may register; use a name below it, for instance shop.foo.ck."},
		"рф":        {suffix, "рф (xn--p1ai) is a public suffix, below which anybody may register; use a name below it, for instance shop.рф."},

		"xn--a.com":           {idn, "Domain name contains malformed punycode: 'xn--a'; write the name in its own letters."},
		"xn--.com":            {idn, "Domain name contains malformed punycode: 'xn--'; write the name in its own letters."},
		"xn--abc-.com":        {idn, "Domain name contains malformed punycode: 'xn--abc-'; write the name in its own letters."},
		"xn--Mnchen-3yaÜ.de":  {idn, "Domain name contains malformed punycode: 'xn--mnchen-3yaü'; write the name in its own letters."},
		"xn--zzzzzzz99999.de": {idn, "Domain name contains malformed punycode: 'xn--zzzzzzz99999'; write the name in its own letters."},
		// It stands for "mÜnchen", which has an A-label of its own.
		"xn--mnchen-psa.de": {idn, "Domain name contains malformed punycode: 'xn--mnchen-psa'; write the name in its own letters."},

		"раypal.com":         {idn, "раypal.com (xn--ypal-43d9g.com) mixes Cyrillic and Latin letters in 'раypal', which can imitate another name; write each label in one script."},
		"xn--ypal-43d9g.com": {idn, "раypal.com (xn--ypal-43d9g.com) mixes Cyrillic and Latin letters in 'раypal', which can imitate another name; write each label in one script."},
		"ラ한.com":             {idn, "ラ한.com (xn--dek5560c.com) mixes Hangul and Katakana letters in 'ラ한', which can imitate another name; write each label in one script."},
		"аррӏе.com":          {idn, "аррӏе.com (xn--80ak6aa92e.com) imitates 'apple' in letters of another script; write it in Latin letters, or use a top-level domain of that script."},
		"αν1.com":            {idn, "αν1.com (xn--1-ylb0b.com) imitates 'av1' in letters of another script; write it in Latin letters, or use a top-level domain of that script."},
		"a.com⁄x.evil.com":   {idn, "'⁄' (U+2044) is not allowed in a hostname; use letters, digits and hyphens in a.com⁄x.evil.com (a.xn--comx-2g7a.evil.com)."},
		"a・b.jp":             {idn, "'・' (U+30FB) is not allowed in a hostname; use letters, digits and hyphens in a・b.jp (xn--ab-3n4a.jp)."},
		"a·b.cat":            {idn, "'·' (U+00B7) is not allowed in a hostname; use letters, digits and hyphens in a·b.cat (xn--ab-0ea.cat)."},
		"a\u202eb.com":       {idn, `'\u202e' (U+202E) is not allowed in a hostname; use letters, digits and hyphens in a\u202eb.com (xn--ab-g4t.com).`},
		"a\u200db.com":       {idn, `a\u200db.com (xn--ab-m1t.com) breaks the rules for internationalized names, for instance by mixing writing directions or by a misplaced mark.`},
		"1.שלום.com":         {idn, "1.שלום.com (1.xn--9dbne9b.com) breaks the rules for internationalized names, for instance by mixing writing directions or by a misplaced mark."},
	} {
		got, err := network.ParseName(input, network.NamePolicy{})
		var bad *network.NameError
		if !errors.As(err, &bad) || got != (network.Name{}) {
			t.Errorf("ParseName(%.80q) = %+v, %v", input, got, err)
			continue
		}
		if bad.Code != want.code || bad.Message != want.message {
			t.Errorf("ParseName(%.80q):\ngot  %s %s\nwant %s %s", input, bad.Code, bad.Message, want.code, want.message)
		}
	}
}

func TestParseName_AllowReservedTLDs(t *testing.T) {
	lax := network.NamePolicy{AllowReservedTLDs: true}
	t.Run("takes names that no registry hands out", func(t *testing.T) {
		for _, name := range []string{"shop.test", "a.b.example", "a.invalid", "shop.localhost"} {
			if got, err := network.ParseName(name, lax); err != nil || got.ASCII != name {
				t.Errorf("ParseName(%q) = %+v, %v", name, got, err)
			}
		}
	})
	t.Run("takes no others, nor the top-level domains themselves", func(t *testing.T) {
		for _, name := range []string{"a.local", "a.internal", "a.onion", "a.alt", "a.arpa", "a.home.arpa", "test", "localhost"} {
			var bad *network.NameError
			if got, err := network.ParseName(name, lax); !errors.As(err, &bad) || bad.Code != network.CodeNameInvalid {
				t.Errorf("ParseName(%q) = %+v, %v", name, got, err)
			}
		}
	})
}

func TestName_String(t *testing.T) {
	for want, n := range map[string]network.Name{
		"example.com":                    {ASCII: "example.com", Unicode: "example.com"},
		"münchen.de (xn--mnchen-3ya.de)": {ASCII: "xn--mnchen-3ya.de", Unicode: "münchen.de"},
	} {
		if got := n.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A message is shown to people and written to terminals.
func TestParseName_messages_are_short_and_plain(t *testing.T) {
	for _, input := range []string{
		strings.Repeat("a", 900) + "/", "a.com/" + strings.Repeat("b", 900), "https://\u202e" + strings.Repeat("ü.", 300), strings.Repeat("*", 1000),
	} {
		_, err := network.ParseName(input, network.NamePolicy{})
		if err == nil || utf8.RuneCountInString(err.Error()) > 400 || strings.ContainsRune(err.Error(), '\u202e') {
			t.Errorf("ParseName(%.80q): %v", input, err)
		}
	}
}

// What is taken is canonical and stays as it is; what is not has a code and a
// message. Run with -fuzz to look for more.
func FuzzParseName(f *testing.F) {
	for _, seed := range []string{
		"shop.example.com", " MÜNCHEN.de ", "xn--mnchen-3ya.de", "xn--a.com", "https://a.com/x", "[::1]:80", "раypal.com", "日本ラーメン.jp",
		"l·l.cat", "שלום1.com", "نامه\u200cای.com", "a。b．c｡com", "\xff", "xn--xn---epa.com", "ß.ẞ.ſ.com", name253, "shop.test", "*.co.uk",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, input string, lax bool) {
		policy := network.NamePolicy{AllowReservedTLDs: lax}
		got, err := network.ParseName(input, policy)
		if err != nil {
			var bad *network.NameError
			if !errors.As(err, &bad) || bad.Code == "" || bad.Message == "" || !utf8.ValidString(bad.Message) {
				t.Fatalf("ParseName(%q): %#v", input, err)
			}
			return
		}
		if err := hostname.Check(got.ASCII); err != nil {
			t.Fatalf("ParseName(%q) = %q, which %v", input, got.ASCII, err)
		}
		if err := hostname.Check(network.ChallengePrefix[1:] + got.ASCII); err != nil { // without '_'
			t.Fatalf("the ownership record of %q %v", got.ASCII, err)
		}
		for _, form := range []string{got.ASCII, got.Unicode} {
			if again, err := network.ParseName(form, policy); err != nil || again != got {
				t.Fatalf("ParseName(%q) = %+v, but ParseName(%q) = %+v, %v", input, got, form, again, err)
			}
		}
	})
}
