-- A store of schema version 4 as logboom 0.1 wrote it (sqlite3 FILE .dump), of three transactions. Never to be changed: such files are about.
PRAGMA application_id=1819240290; PRAGMA user_version=4;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('created','2026-11-27T09:16:57Z');
INSERT INTO meta VALUES('schema',4);
INSERT INTO meta VALUES('schema_by','logboom 0.1.0');
CREATE TABLE publisher(
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE, checksum INTEGER);
INSERT INTO publisher VALUES(0,X'00000000000000000000000000000000',NULL);
INSERT INTO publisher VALUES(1,X'476622cf3de6eea13c336b337c0efa07',524143108);
CREATE TABLE site(
  id INTEGER PRIMARY KEY,
  logger TEXT NOT NULL,
  level INTEGER NOT NULL,
  level_name TEXT NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  function TEXT NOT NULL,
  template TEXT NOT NULL, checksum INTEGER,
  UNIQUE(logger, line, level, file, function, template, level_name));
INSERT INTO site VALUES(1,'logboom.collector',20,'INFO','',0,'','',-518837694);
INSERT INTO site VALUES(2,'backup.disk',40,'ERROR','disk.cpp',12,'f','',-881117411);
INSERT INTO site VALUES(3,'app',35,'','a.py',9,'f','',1582257149);
INSERT INTO site VALUES(4,'app',20,'INFO','a.py',9,'f','record {i}',1165799450);
INSERT INTO site VALUES(5,'app.db',30,'WARNING','',0,'','',840269593);
INSERT INTO site VALUES(6,'cli',30,'WARNING','',0,'','',-2775334);
CREATE TABLE source(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  host TEXT NOT NULL,
  process TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  tid INTEGER NOT NULL,
  thread TEXT NOT NULL, checksum INTEGER,
  UNIQUE(publisher_id, stream, tid, pid, started, host, process, thread));
INSERT INTO source VALUES(1,0,'vm','logboom',28167,1795771017862641136,0,0,'',-749309648);
INSERT INTO source VALUES(2,0,'db1','backup',7,0,0,7,'main',296410765);
INSERT INTO source VALUES(3,0,'other','app',8,0,0,9,'t',566710722);
INSERT INTO source VALUES(4,0,'db1','app',8,0,0,9,'t',315137051);
INSERT INTO source VALUES(5,1,'vm','logboom',28193,1795771024100446811,1,28193,'logboom',745435562);
CREATE TABLE record(
  id INTEGER PRIMARY KEY,
  created INTEGER NOT NULL,
  level INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  source_id INTEGER NOT NULL REFERENCES source(id),
  sequence INTEGER,
  message TEXT NOT NULL,
  fields TEXT,
  exception_type TEXT,
  exception TEXT,
  stack TEXT,
  task TEXT,
  attributes TEXT, checksum INTEGER);
INSERT INTO record VALUES(1,1795771017982010654,20,1,1,NULL,'collecting on ipc:///tmp/g4/bus into /tmp/g4/g4.sqlite',NULL,NULL,NULL,NULL,NULL,NULL,2097399270);
INSERT INTO record VALUES(2,1795698912000000000,40,2,2,NULL,'no space left','{"disk":"sda1","free":12}',NULL,NULL,NULL,NULL,NULL,-795666151);
INSERT INTO record VALUES(3,1795168800000000000,35,3,3,NULL,'by hand',NULL,NULL,NULL,'at 1',NULL,NULL,-1079029472);
INSERT INTO record VALUES(4,1795698930000000000,20,4,4,NULL,'record 0','{"i":0}',NULL,NULL,NULL,NULL,NULL,-810416163);
INSERT INTO record VALUES(5,1795698950000000000,20,4,4,NULL,'record 1','{"i":1}',NULL,NULL,NULL,NULL,NULL,-380675600);
INSERT INTO record VALUES(6,1795698970000000000,20,4,4,NULL,'record 2','{"i":2}',NULL,NULL,NULL,NULL,NULL,1594694596);
INSERT INTO record VALUES(7,1795698990000000000,20,4,4,NULL,'record 3','{"i":3}',NULL,NULL,NULL,NULL,NULL,128621150);
INSERT INTO record VALUES(8,1795698961000000000,30,5,4,NULL,'structured ü','{"colour":"red"}','KeyError','Traceback: x',NULL,'load',NULL,-486712432);
INSERT INTO record VALUES(9,1795771024149157577,20,1,1,NULL,'logboom (pid 28193 on vm) joined',NULL,NULL,NULL,NULL,NULL,NULL,1623432061);
INSERT INTO record VALUES(10,1795771024138288413,30,6,5,1,'sent by a publisher',NULL,NULL,NULL,NULL,NULL,NULL,-853514789);
INSERT INTO record VALUES(11,1795771024171201216,20,1,1,NULL,'logboom (pid 28193 on vm) left',NULL,NULL,NULL,NULL,NULL,NULL,1001840130);
INSERT INTO record VALUES(12,1795771025381540189,20,1,1,NULL,'stopped',NULL,NULL,NULL,NULL,NULL,NULL,-1322743571);
CREATE TABLE ledger(
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  last INTEGER NOT NULL, missing TEXT NOT NULL DEFAULT '', checksum INTEGER,
  PRIMARY KEY(publisher_id, stream)) WITHOUT ROWID;
INSERT INTO ledger VALUES(1,1,1,'',-888783499);
CREATE TABLE gap(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  created INTEGER NOT NULL,
  reason TEXT NOT NULL, checksum INTEGER);
CREATE TABLE minute(
  minute INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  n INTEGER NOT NULL,
  PRIMARY KEY(minute, site_id)) WITHOUT ROWID;
INSERT INTO minute VALUES(29919480,3,1);
INSERT INTO minute VALUES(29928315,2,1);
INSERT INTO minute VALUES(29928315,4,2);
INSERT INTO minute VALUES(29928316,4,2);
INSERT INTO minute VALUES(29928316,5,1);
INSERT INTO minute VALUES(29929516,1,1);
INSERT INTO minute VALUES(29929517,1,3);
INSERT INTO minute VALUES(29929517,6,1);
CREATE TABLE span(
  first_id INTEGER PRIMARY KEY,
  last_id INTEGER NOT NULL,
  min_created INTEGER NOT NULL,
  max_created INTEGER NOT NULL,
  checksum INTEGER NOT NULL);
INSERT INTO span VALUES(1,12,1795168800000000000,1795771025381540189,-239429596);
CREATE INDEX gap_stream ON gap(publisher_id, stream);
CREATE INDEX record_warnings ON record(created, level) WHERE level >= 30;
CREATE VIEW records AS SELECT
  r.id AS id,
  r.created AS created,
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch')
    || printf('.%09dZ', (r.created % 1000000000 + 1000000000) % 1000000000) AS time,
  r.level AS level,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level_name,
  ifnull(s.logger, '') AS logger,
  r.message AS message,
  r.fields AS fields,
  ifnull(o.host, '') AS host,
  ifnull(o.process, '') AS process,
  ifnull(o.pid, 0) AS pid,
  ifnull(o.thread, '') AS thread,
  ifnull(o.tid, 0) AS tid,
  ifnull(s.file, '') AS file,
  ifnull(s.line, 0) AS line,
  ifnull(s.function, '') AS function,
  ifnull(s.template, '') AS template,
  r.exception_type AS exception_type,
  r.exception AS exception,
  r.stack AS stack,
  r.task AS task,
  r.attributes AS attributes,
  CASE ifnull(o.publisher_id, 0) WHEN 0 THEN NULL ELSE lower(hex(p.uuid)) END AS publisher,
  ifnull(o.started, 0) AS started,
  ifnull(o.stream, 0) AS stream,
  r.sequence AS sequence
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id
  LEFT JOIN publisher p ON p.id = o.publisher_id;
CREATE VIEW logs AS SELECT
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch', 'localtime')
    AS created,
  ifnull(s.logger, '') AS name,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level,
  r.message AS message,
  ifnull(o.host, '') AS hostname,
  CAST(ifnull(o.pid, 0) AS TEXT) AS process,
  CAST(ifnull(o.tid, 0) AS TEXT) AS thread
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id;
COMMIT;
