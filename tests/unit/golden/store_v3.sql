-- A store of schema version 3 as logboom 0.1 wrote it (sqlite3 FILE .dump), of three transactions with a gap and a stream with missing numbers. Never to be changed: such files are about.
PRAGMA application_id=1819240290; PRAGMA user_version=3;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('created','2026-11-26T21:43:26Z');
INSERT INTO meta VALUES('schema',3);
INSERT INTO meta VALUES('schema_by','logboom 0.1.0');
CREATE TABLE publisher(
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE, checksum INTEGER);
INSERT INTO publisher VALUES(0,X'00000000000000000000000000000000',NULL);
INSERT INTO publisher VALUES(1,X'ab000000000000000000000000000001',-1733360540);
INSERT INTO publisher VALUES(2,X'ab000000000000000000000000000002',894785350);
INSERT INTO publisher VALUES(3,X'ab000000000000000000000000000003',-672095227);
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
INSERT INTO site VALUES(1,'app',20,'INFO','a.cpp',7,'f','{n}',395078048);
INSERT INTO site VALUES(2,'backup.disk',40,'ERROR','disk.cpp',12,'f','no space left',1686017443);
INSERT INTO site VALUES(3,'app',35,'','a.py',9,'f','',1582257149);
INSERT INTO site VALUES(4,'etl',30,'WARNING','',0,'','',-1919319711);
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
INSERT INTO source VALUES(1,1,'host','worker',101,5,0,200,'main',728152766);
INSERT INTO source VALUES(2,2,'host','worker',102,5,0,200,'main',751901931);
INSERT INTO source VALUES(3,0,'other','worker',100,0,0,200,'',-1222792912);
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
INSERT INTO record VALUES(1,1795698912000000000,20,1,1,1,'message 1',NULL,NULL,NULL,NULL,NULL,NULL,1445638300);
INSERT INTO record VALUES(2,1795698912000000001,40,2,1,2,'no space left','{"disk":"sda1","free":12}',NULL,NULL,NULL,NULL,NULL,906875435);
INSERT INTO record VALUES(3,1795168800000000000,35,3,1,3,'message 3','{"deep":{"a":[1,2,{"b":null}]}}',NULL,NULL,'at 1',NULL,NULL,-1144801077);
INSERT INTO record VALUES(4,1795698912000000003,20,1,1,4,'message 4',NULL,NULL,NULL,NULL,NULL,NULL,716719198);
INSERT INTO record VALUES(5,1795698912000000004,20,1,1,5,'message 5',NULL,NULL,NULL,NULL,NULL,NULL,-1611056102);
INSERT INTO record VALUES(6,1795698912000000005,20,1,1,6,'message 6',NULL,NULL,NULL,NULL,NULL,NULL,1433485176);
INSERT INTO record VALUES(7,1795698972000000000,30,4,2,1,'structured ü',NULL,'KeyError','Traceback: x',NULL,'load','{"colour":"red"}',-2009080012);
INSERT INTO record VALUES(8,1795698972000000001,20,1,2,2,'message 2',NULL,NULL,NULL,NULL,NULL,NULL,1028152350);
INSERT INTO record VALUES(9,1795698972000000002,20,1,2,3,'message 3',NULL,NULL,NULL,NULL,NULL,NULL,-162692442);
INSERT INTO record VALUES(10,1795698972000000003,20,1,2,4,'message 4',NULL,NULL,NULL,NULL,NULL,NULL,-516866444);
INSERT INTO record VALUES(11,1795698973000000000,20,1,3,NULL,'by hand',NULL,NULL,NULL,NULL,NULL,NULL,1333089214);
CREATE TABLE ledger(
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  last INTEGER NOT NULL, missing TEXT NOT NULL DEFAULT '', checksum INTEGER,
  PRIMARY KEY(publisher_id, stream)) WITHOUT ROWID;
INSERT INTO ledger VALUES(1,0,6,'',1836413659);
INSERT INTO ledger VALUES(2,0,4,'',989348065);
INSERT INTO ledger VALUES(3,2,40,'11-20,31-35!',-1832885841);
CREATE TABLE gap(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  created INTEGER NOT NULL,
  reason TEXT NOT NULL, checksum INTEGER);
INSERT INTO gap VALUES(1,3,2,31,35,1795698912000000000,'lost on the way',-1765869946);
CREATE TABLE minute(
  minute INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  n INTEGER NOT NULL,
  PRIMARY KEY(minute, site_id)) WITHOUT ROWID;
INSERT INTO minute VALUES(29919480,3,1);
INSERT INTO minute VALUES(29928315,1,4);
INSERT INTO minute VALUES(29928315,2,1);
INSERT INTO minute VALUES(29928316,1,4);
INSERT INTO minute VALUES(29928316,4,1);
CREATE INDEX record_created_level ON record(created, level);
CREATE INDEX gap_stream ON gap(publisher_id, stream);
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
