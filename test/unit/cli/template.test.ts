/** Go templates: the values are what the docker CLI printed for the same texts. */
import { describe, expect, test } from 'vitest';
import { renderTemplate } from '../../../src/cli/ui/template.ts';
import { withLabel } from '../../../src/operations/words.ts';

const row = {
  Name: 'shop-web-1',
  State: 'running',
  ExitCode: 0,
  Labels: { b: '2', a: '1' },
  Ports: '',
  Publishers: [
    { URL: '0.0.0.0', PublishedPort: 80 },
    { URL: '::', PublishedPort: 81 },
  ],
};
const render = (format: string, rows: readonly object[] = [row]) => renderTemplate(format, rows, { Name: 'NAMES' });

describe('a template', () => {
  test.each([
    ['{{.Name}} is {{.State}}', 'shop-web-1 is running'],
    ['{{json .Labels}}', '{"a":"1","b":"2"}'],
    ['{{(index .Publishers 1).PublishedPort}} {{((index .Publishers 1)).URL}}', '81 ::'],
    ['{{.Labels.b}}{{index .Labels "a"}}{{index .Publishers 1 | json}}', '21{"PublishedPort":81,"URL":"::"}'],
    ['{{range .Publishers}}{{.URL}}:{{.PublishedPort}} {{end}}', '0.0.0.0:80 :::81 '],
    ['{{range $i, $p := .Publishers}}{{$i}}={{$p.PublishedPort}};{{end}}', '0=80;1=81;'],
    ['{{range .Ports}}x{{else}}none{{end}}', 'none'],
    ['{{if eq .State "running"}}up{{else if eq .State "exited"}}down{{else}}?{{end}}', 'up'],
    ['{{if and .Name (not .Ports)}}yes{{end}}{{if or .Ports .ExitCode}}no{{end}}', 'yes'],
    ['{{if ne .ExitCode 0}}failed{{end}}', ''],
    ['{{.Name | upper | printf "%s|%q|%-4d|%v" .State "a\\"b" 7}}', 'running|"a\\"b"|7   |SHOP-WEB-1'],
    ['{{join (split .Name "-") "."}} {{title .State}} {{len .Publishers}} {{lower "ÄB"}}', 'shop.web.1 Running 2 äb'],
    ['{{with .Labels}}{{.a}}{{end}}{{println "x" 1}}', '1x 1\n'],
    ['{{- /* a note */ -}} a {{- " b" -}} c', 'a bc'],
    ['{{$x := .Name}}{{$x}} {{$.State}}', 'shop-web-1 running'],
    ['{{pad .State 1 2}}| {{truncate .Name 4}}', ' running  | shop'],
    ['{{.Labels}} {{.Publishers}}', 'map[a:1 b:2] [map[PublishedPort:80 URL:0.0.0.0] map[PublishedPort:81 URL:::]]'],
    ['{{"}}"}}', '}}'],
  ])('%s', (format, expected) => {
    expect(render(format)).toBe(`${expected}\n`);
  });

  test('with `table` has headers, and a backslash and a t for a tab', () => {
    expect(render('table {{.Name}}\\t{{upper .State}}\t{{.ExitCode}}')).toBe(
      'NAMES        STATE     EXIT CODE\nshop-web-1   RUNNING   0\n',
    );
  });

  test('asks a row for one of its labels, as often as it has the name; the row itself does not show that', () => {
    const labelled = withLabel({ Name: 'x' }, { 'com.example.is-on': 'yes' });
    expect(render('{{.Label "com.example.is-on"}}{{.Label "none"}}|{{json .}}', [labelled])).toBe('yes|{"Name":"x"}\n');
    expect(render('table {{.Label "com.example.is-on"}}', [labelled])).toBe('is on\nyes\n');
  });

  test.each([
    ['a {{.Nme}}', '1:5: there is no field .Nme'],
    ['{{.Name', '1:1: unclosed action'],
    ['x\n{{env "HOME"}}', '2:3: function "env" is not known here'],
    ['{{if .Name}}x', '1:1: this has no {{end}}'],
    ['{{end}}', '1:3: unexpected {{end}}'],
    ['{{template "x"}}', 'function "template" is not known here'],
    ['{{.Label}}', '.Label needs one name'],
    ['{{.Name .State}}', 'only a function takes arguments'],
    ['{{index .Publishers 9}}', 'index: index out of range: 9'],
    ['{{eq .Name 1}}', 'cannot compare'],
    ['{{}}', 'missing value for command'],
    ['{{.Name ? }}', 'unexpected "?"'],
    ['{{$y}}', 'undefined variable $y'],
  ])('that is wrong is refused with its place: %s', (format, message) => {
    expect(() => render(format)).toThrow(message);
  });
});
